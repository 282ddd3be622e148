import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { OpsError } from '../command.ts';
import { repositoryRoot } from '../repository.ts';
import { run, start, type Command, type Running } from '../run.ts';

/** The gateway's settings for plain workerd; what it serves lies beside it, in `../dist/gateway`. */
export const gatewayCapnp = join(repositoryRoot, 'edge-gateway/workerd.capnp');

const leash = pathToFileURL(join(import.meta.dirname, 'leash.ts')).href;
/** File systems round times, some to two seconds. */
const clockToleranceMs = 2_000;

export type BundleOptions = {
  directory?: string;
  /** A readable bundle, for profiles. */
  readable?: boolean;
  /** Ends the bundling. What it gives then is nothing to serve: it throws. */
  signal?: AbortSignal;
};

/** Bundles the gateway exactly as `wrangler deploy` would. */
export async function bundleGateway({
  directory = 'dist/gateway',
  readable = false,
  signal = new AbortController().signal,
}: BundleOptions = {}): Promise<void> {
  signal.throwIfAborted();
  const begunAt = Date.now();
  const command: Command = {
    argv: [
      process.execPath,
      `--import=${leash}`,
      join(repositoryRoot, 'node_modules/wrangler/bin/wrangler.js'),
      'deploy',
      '--dry-run',
      '--outdir',
      directory,
      ...(readable ? ['--minify=false'] : []),
    ],
    cwd: repositoryRoot,
    env: { WRANGLER_SEND_METRICS: 'false' },
    ipc: true,
  };
  const { code, stdout, stderr } = await run(command, signal);
  signal.throwIfAborted();
  // A wrangler that is interrupted calls that a success.
  const written = await stat(resolve(repositoryRoot, directory, 'worker.js')).catch(() => null);
  const isNew = written !== null && written.mtimeMs > begunAt - clockToleranceMs;
  if (code !== 0 || !isNew) throw new OpsError(`The gateway could not be bundled: ${stderr || stdout}`);
}

export type WorkerdOptions = {
  port: number;
  env: Record<string, string>;
  config?: string;
  /** More options of `workerd serve`. */
  options?: string[];
};

/** Serves the bundle on plain workerd, without wrangler's proxy in front. */
export async function startWorkerd({
  port,
  env,
  config = gatewayCapnp,
  options = [],
}: WorkerdOptions): Promise<Running> {
  return await start({
    argv: [workerdBinary, 'serve', config, `--socket-addr=http=127.0.0.1:${port}`, ...options],
    env,
  });
}

/** The package's install script has put the binary itself here, so that its CPU and signals are its own; WORKERD: an image's. */
export const workerdBinary = process.env['WORKERD'] ?? join(repositoryRoot, 'node_modules/workerd/bin/workerd');
