import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { parseOptions, parsePort, UsageError, type OpsCommand } from '../command.ts';
import { startFleet, type Fleet } from '../gateway/fleet.ts';
import { gatewaySettings, readSettingsFile } from '../gateway/settings.ts';
import { listenForStop } from '../local/stop-signals.ts';
import { bundleGateway } from '../local/workerd.ts';
import { repositoryRoot } from '../repository.ts';

export const gatewayCommand: OpsCommand = {
  verb: 'gateway',
  summary: 'Serve the gateway on this machine with plain workerd, one process for each core.',
  usage: `npm run gateway -- [--port N] [--host ADDRESS] [--processes N] [--settings FILE] [--drain-seconds N] [--no-build]

Bundles the gateway as it is deployed and serves it with workerd, without wrangler and without Cloudflare. The processes
share one port; one that dies is replaced. Log lines go to standard output, what happens to the processes to standard
error. Variables (docs/configuration.md) come from the environment, else from FILE.

  --port N           default: PORT, or 8666; 0 takes a free one
  --host ADDRESS     where to listen (default 127.0.0.1; 0.0.0.0 for all addresses)
  --processes N      default: the number of cores
  --settings FILE    default: .dev.vars, or .env where there is none
  --drain-seconds N  how long requests in flight may go on after SIGTERM or Ctrl-C (default 30)
  --no-build         serve the bundle in dist/gateway as it is`,
  run: async (args) => await runGateway(readGatewayOptions(args)),
};

export type GatewayOptions = {
  port: number;
  host: string;
  processes: number;
  settingsFile: string | undefined;
  drainMs: number;
  build: boolean;
};

export function readGatewayOptions(args: string[], env: NodeJS.ProcessEnv = process.env): GatewayOptions {
  const { values } = parseOptions(args, {
    options: {
      port: { type: 'string' },
      host: { type: 'string', default: '127.0.0.1' },
      processes: { type: 'string', default: String(availableParallelism()) },
      settings: { type: 'string' },
      // The name it had. Node takes that for itself, unless `--` comes before the script as in package.json.
      'env-file': { type: 'string' },
      'drain-seconds': { type: 'string', default: '30' },
      'no-build': { type: 'boolean', default: false },
    },
  });
  const settingsFile = values.settings ?? values['env-file'];
  // Node would take an empty one for all addresses.
  if (values.host === '') throw new UsageError('--host must be an address or a name, not empty.');
  return {
    port: values.port === undefined ? parsePort(env['PORT'] || '8666', 'PORT') : parsePort(values.port, '--port'),
    host: values.host,
    processes: count(values.processes, '--processes', { from: 1, to: 256 }),
    settingsFile: settingsFile === undefined ? undefined : resolve(settingsFile),
    drainMs: count(values['drain-seconds'], '--drain-seconds', { from: 0, to: 3_600 }) * 1_000,
    build: !values['no-build'],
  };
}

async function runGateway({ settingsFile, drainMs, build, ...options }: GatewayOptions): Promise<number> {
  const settings = gatewaySettings(process.env, await readSettingsFile(repositoryRoot, settingsFile));
  const interrupt = listenForStop();
  if (build || !existsSync(join(repositoryRoot, 'dist/gateway/worker.js'))) {
    if (!(await bundle(interrupt.signal))) return 0;
  }
  const fleet: Fleet = await startFleet({ ...options, settings, onLine: print, onEvent: tell });
  interrupt.killOnSecond(fleet.groups);
  const pids = fleet.pids();
  tell(
    `The gateway listens on ${fleet.url} (${pids.length} processes: ${pids.join(', ')}); /ready says whether it can serve.`,
  );
  await interrupt.asked;
  tell(`Stopping; requests in flight have ${drainMs / 1_000} s.`);
  await fleet.stop(drainMs);
  tell('Stopped; nothing is left running.');
  return 0;
}

/** False when we are asked to stop meanwhile. */
async function bundle(signal: AbortSignal): Promise<boolean> {
  tell('Bundling the gateway.');
  try {
    await bundleGateway({ signal });
    return true;
  } catch (error) {
    if (!signal.aborted) throw error;
    tell('Stopped before it was ready.');
    return false;
  }
}

function count(text: string, name: string, { from, to }: { from: number; to: number }): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= from && value <= to) return value;
  throw new UsageError(`${name} must be a number from ${from} to ${to}, not '${text}'.`);
}

/** The gateway's log is on standard output; what workerd itself says is no JSON. */
function print(line: string, stream: 'stdout' | 'stderr'): void {
  if (stream === 'stdout') console.log(line);
  else console.error(line);
}

function tell(sentence: string): void {
  console.error(sentence);
}
