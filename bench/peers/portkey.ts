import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '../../ops/local/ports.ts';
import { localDirectory } from '../../ops/repository.ts';
import { run, start } from '../../ops/run.ts';
import { untilAnswering, type StartPeer } from './peer.ts';

// Portkey's open-source gateway as a bare proxy: no authentication, no configuration, one provider at the vendor's address.
// Kept in .gaia/bench-peers, outside our own dependencies. By hand the same is:
//   npm install @portkey-ai/gateway@1.15.2 hono@4.9.7 @hono/node-server@1.13.5 @hono/node-ws@1.2.0
//   NODE_ENV=production node node_modules/@portkey-ai/gateway/build/start-server.js --port=8787 --headless

const packages = ['@portkey-ai/gateway@1.15.2', 'hono@4.9.7', '@hono/node-server@1.13.5', '@hono/node-ws@1.2.0'];
const home = join(localDirectory, 'bench-peers/portkey');

export const startPortkey: StartPeer = async (vendorUrl) => {
  const problem = await install();
  if (problem !== null) return { skipped: `Portkey could not be installed: ${problem}` };
  const [port = 0] = await freePorts(1);
  const program = join(home, 'node_modules/@portkey-ai/gateway/build/start-server.js');
  const portkey = await start({
    argv: [process.execPath, program, `--port=${port}`, '--headless'],
    cwd: home,
    env: { NODE_ENV: 'production' },
  });
  const url = `http://127.0.0.1:${port}`;
  await untilAnswering(url, portkey.exited);
  const headers = {
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `${vendorUrl}/v1`,
    authorization: 'Bearer bench-key',
  };
  return { leg: { name: 'portkey', url, headers, model: 'bench' }, pid: portkey.pid, stop: () => portkey.stop() };
};

async function install(): Promise<string | null> {
  const mark = join(home, 'installed');
  if ((await readFile(mark, 'utf8').catch(() => '')) === packages.join(' ')) return null;
  await mkdir(home, { recursive: true });
  await writeFile(join(home, 'package.json'), '{ "private": true }\n');
  // Its own install script patches a package that a bare proxy does not use.
  const flags = ['--ignore-scripts', '--no-audit', '--no-fund', '--no-save'];
  const { code, stderr } = await run({ argv: ['npm', 'install', ...flags, ...packages], cwd: home });
  if (code !== 0) return stderr.trim().split('\n').at(-1) ?? 'npm failed';
  await writeFile(mark, packages.join(' '));
  return null;
}
