import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { OpsError, parseOptions, type OpsCommand } from '../command.ts';
import { planEnvFiles } from '../local/env-files.ts';
import { readIfThere } from '../local/private-file.ts';
import { repositoryRoot } from '../repository.ts';
import { seed } from './seed.ts';

export const setupCommand: OpsCommand = {
  verb: 'setup',
  summary: 'Make .env and .dev.vars from their examples, with fresh secrets that fit together.',
  usage: `npm run setup -- [--dry-run] [--seed] [--directory DIR]

  --dry-run        say what would be written and change nothing
  --seed           afterwards, make dev@gaia.local in the database of .env and print its key once
  --directory DIR  write the two files there (default: this checkout)

A file that exists is never overwritten.`,
  run: async (args) => {
    const { values } = parseOptions(args, {
      options: {
        'dry-run': { type: 'boolean', default: false },
        seed: { type: 'boolean', default: false },
        directory: { type: 'string', default: repositoryRoot },
      },
    });
    const directory = resolve(values.directory);
    await setup({ directory, dryRun: values['dry-run'] });
    if (!values.seed) return 0;
    if (values['dry-run']) {
      console.log('Would make dev@gaia.local in the database of .env.');
      return 0;
    }
    process.loadEnvFile(join(directory, '.env'));
    return await seed('DATABASE_URL');
  },
};

async function setup({ directory, dryRun }: { directory: string; dryRun: boolean }): Promise<void> {
  const paths = { env: join(directory, '.env'), devVars: join(directory, '.dev.vars') };
  const plan = await planEnvFiles({
    example: {
      env: await readFile(join(repositoryRoot, '.env.example'), 'utf8'),
      devVars: await readFile(join(repositoryRoot, '.dev.vars.example'), 'utf8'),
    },
    existing: { env: await readIfThere(paths.env), devVars: await readIfThere(paths.devVars) },
  });
  for (const [path, text] of [[paths.env, plan.env] as const, [paths.devVars, plan.devVars] as const]) {
    if (text === null) console.log(`kept ${path}`);
    else if (dryRun) console.log(`would write ${path}, with fresh secrets and mode 0600`);
    else await writeNew(path, text);
  }
  if (!dryRun && plan.env !== null) console.log(next);
}

/** `wx`: one that appeared since we looked is not overwritten either. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text, { flag: 'wx', mode: 0o600 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OpsError(`${path} could not be written (${reason}): check the folder and run setup again.`, {
      cause: error,
    });
  }
  await chmod(path, 0o600);
  console.log(`wrote ${path}`);
}

const next = `
Next: add provider keys to .env if you have some, then
  docker compose up -d --build --wait   the backends with their database
  npm run setup -- --seed               a key for dev@gaia.local
  npx wrangler dev                      the gateway on http://localhost:8666
or run everything without Docker: npm start`;
