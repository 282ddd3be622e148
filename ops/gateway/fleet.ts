import { existsSync } from 'node:fs';
import { access, constants, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { workerdBinary } from '../local/workerd.ts';
import { repositoryRoot } from '../repository.ts';
import { start, type LineListener } from '../run.ts';
import { keepRunning, type Kept } from './keep-running.ts';
import { canSharePort, claimPort, giveSocket, type Address } from './listening-socket.ts';
import { planGatewayProcesses } from './plan.ts';
import { makeRunFolder } from './run-folder.ts';

export type FleetOptions = Address & {
  processes: number;
  settings: Record<string, string>;
  /** Where edge-gateway/*.capnp and dist/gateway/worker.js are. */
  root?: string;
  workerd?: string;
  /** A log line of a process, as it came. */
  onLine: LineListener;
  /** What happens to the processes, as a sentence. */
  onEvent: (sentence: string) => void;
};

export type Fleet = {
  url: string;
  port: number;
  /** The private folder of this run. */
  directory: string;
  /** The processes that serve right now. */
  pids: () => number[];
  /** All our process groups, for a hard end. */
  groups: () => number[];
  /** Lets requests in flight end, for so long. */
  stop: (graceMs: number) => Promise<void>;
};

const socketCheckMs = 2_000;

/** Serves the bundle with several workerd processes on one port, and one more that counts for all of them. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { host, onLine, onEvent } = options;
  await using cleanUp = new AsyncDisposableStack();
  const { port } = cleanUp.use(await claimPort(options));
  const shared = options.processes > 1 && (await canSharePort());
  if (options.processes > 1 && !shared) {
    onEvent('This system lets one process listen on a port, so there is one.');
  }
  const { root = repositoryRoot, workerd = workerdBinary, settings } = options;
  const folder = cleanUp.use(await makeRunFolder(root));
  const { configurations, path: directory } = folder;
  const plan = planGatewayProcesses({ workerd, configurations, directory, settings, leash: await findLeash() });
  const limiter = keepRunning({
    name: 'The limiter',
    launch: async () => {
      await folder.restore();
      // A socket file outlives the process that made it, and would keep the next one from listening.
      await rm(folder.limiterSocket, { force: true });
      return await start(plan.limiter);
    },
    onLine,
    onEvent,
  });
  const gateways = Array.from({ length: shared ? options.processes : 1 }, (_, index) =>
    keepRunning({
      name: `Gateway process ${index + 1}`,
      launch: async () => {
        await folder.restore();
        return await giveSocket({ host, port }, shared, (fd) => start({ ...plan.gateway, descriptors: [fd] }));
      },
      onLine,
      onEvent,
    }),
  );
  await startAll(limiter, gateways);
  cleanUp.use(replaceWithoutSocket(limiter, folder.limiterSocket));
  const kept = cleanUp.move();
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    port,
    directory,
    pids: () => pidsOf(gateways),
    groups: () => pidsOf([limiter, ...gateways]),
    stop: async (graceMs) => {
      await Promise.all(gateways.map((gateway) => gateway.stop(graceMs)));
      await limiter.stop(1_000);
      await kept.disposeAsync();
    },
  };
}

async function startAll(limiter: Kept, gateways: Kept[]): Promise<void> {
  const all = [limiter, ...gateways];
  const results = await Promise.allSettled(all.map((kept) => kept.start()));
  const failed = results.find(({ status }) => status === 'rejected');
  if (!failed) return;
  await Promise.all(all.map((kept) => kept.stop(0)));
  throw failed.status === 'rejected' ? failed.reason : new Error('unreachable');
}

/** A limiter whose socket was removed serves nobody any more, and does not know it. */
function replaceWithoutSocket(limiter: Kept, socket: string): Disposable {
  const timer = setInterval(() => {
    if (!existsSync(socket)) limiter.replace();
  }, socketCheckMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function pidsOf(all: readonly Kept[]): number[] {
  return all.map((kept) => kept.pid()).filter((pid) => pid !== null);
}

/** Linux can end a process with its parent, even when the parent got SIGKILL. Without it, that leaves orphans. */
async function findLeash(): Promise<readonly string[]> {
  if (process.platform !== 'linux') return [];
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const program = join(folder, 'setpriv');
    const found = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (folder !== '' && found) return [program, '--pdeathsig', 'SIGKILL', '--'];
  }
  return [];
}
