#!/usr/bin/env node
// Runs on any Node from 18 on, so that a machine that is not ready yet gets a sentence and not a stack trace.
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const problem = notReady();

if (problem === null) {
  const { main } = await import('./cli.ts');
  process.exit(await main(process.argv.slice(2)));
}
console.error(problem);
process.exit(1);

/** The one sentence that says what to do first, or null. */
function notReady() {
  const installed = ['node', 'wrangler', 'pg'].every((name) =>
    existsSync(join(root, 'node_modules', name, 'package.json')),
  );
  if (!installed) return 'The dependencies are not installed: run `npm ci` first.';
  if (Number(process.versions.node.split('.')[0]) >= 24) return null;
  if (existsSync(join(root, 'node_modules', 'node', 'bin'))) {
    return `This is Node ${process.versions.node} and Gaia needs 24: run it through npm, which brings its own (\`npm start\`, or \`npx node ops/gaia.js …\`).`;
  }
  return `This is Node ${process.versions.node} and Gaia needs 24, whose download was skipped: run \`npm ci\` again with install scripts allowed.`;
}
