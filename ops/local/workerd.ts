import { join } from 'node:path';
import { OpsError } from '../command.ts';
import { repositoryRoot } from '../repository.ts';
import { run, start, type Running } from '../run.ts';

/** Bundles the gateway exactly as `wrangler deploy` would. */
export async function bundleGateway(): Promise<void> {
  const { code, stdout, stderr } = await run({
    argv: [
      process.execPath,
      join(repositoryRoot, 'node_modules/wrangler/bin/wrangler.js'),
      'deploy',
      '--dry-run',
      '--outdir',
      'dist/gateway',
    ],
    cwd: repositoryRoot,
    env: { WRANGLER_SEND_METRICS: 'false' },
  });
  if (code !== 0) throw new OpsError(`The gateway could not be bundled: ${stderr || stdout}`);
}

/** Serves the bundle on plain workerd, without wrangler's proxy in front. */
export async function startWorkerd(port: number, env: Record<string, string>): Promise<Running> {
  return await start({
    argv: [
      workerdBinary,
      'serve',
      join(repositoryRoot, 'edge-gateway/workerd.capnp'),
      `--socket-addr=http=127.0.0.1:${port}`,
    ],
    env,
  });
}

/** The package's install script has put the binary itself here, so that its CPU and signals are its own. */
const workerdBinary = join(repositoryRoot, 'node_modules/workerd/bin/workerd');
