import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findNatsServer, startNats, type LocalNats } from '../../ops/local/nats.ts';
import { run } from '../../ops/run.ts';
import { ownPorts } from './own-ports.ts';

export type NatsServer = {
  /** Known, and the same for ever, before it has started. */
  url: string;
  tcpPort: number;
  monitorUrl: string;
  start: () => Promise<void>;
  /** kill -9, resolved when it is gone; `start` brings it back on the same ports. */
  kill: () => Promise<void>;
  /** SIGSTOP: it keeps its connections and answers nothing. */
  freeze: () => void;
  thaw: () => void;
  /** Kills it and removes its folder. */
  close: () => Promise<void>;
};

/** A real nats-server on free ports, not started yet; null where there is none and none could be installed. */
export async function natsServer(): Promise<NatsServer | null> {
  if (!(await hasNatsServer())) return null;
  const [tcp = 0, websocket = 0, monitor = 0] = await ownPorts(3);
  const directory = await mkdtemp(join(tmpdir(), 'gaia-nats-'));
  let running: LocalNats | null = null;

  const kill = async (): Promise<void> => {
    const killed = running;
    running = null;
    await killed?.process.stop('SIGKILL');
  };
  const signal = (name: NodeJS.Signals): void => {
    if (running) process.kill(running.process.pid, name);
  };
  return {
    url: `ws://127.0.0.1:${websocket}`,
    tcpPort: tcp,
    monitorUrl: `http://127.0.0.1:${monitor}`,
    start: async () => {
      running = await startNats({ directory, ports: { tcp, websocket, monitor } });
    },
    kill,
    freeze: () => signal('SIGSTOP'),
    thaw: () => signal('SIGCONT'),
    close: async () => {
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** For ``describe.skipIf(nats.absent)(`name${nats.note}`, …)``: skipped tests say in their name why. */
export async function natsPresence(): Promise<{ absent: boolean; note: string }> {
  if (await hasNatsServer()) return { absent: false, note: '' };
  return { absent: true, note: ' (skipped: nats-server is not installed)' };
}

let found: Promise<boolean> | undefined;

async function hasNatsServer(): Promise<boolean> {
  found ??= findOrInstall();
  return await found;
}

async function findOrInstall(): Promise<boolean> {
  if (findNatsServer() !== null) return true;
  if (process.getuid?.() !== 0) return false;
  await install().catch(() => undefined); // Not a Debian-like system: there is no apt-get, or no flock.
  return findNatsServer() !== null;
}

/** `flock` lets one of several test files install; the others wait and find it there. A crash leaves no lock behind. */
async function install(): Promise<void> {
  const quick = '-o Acquire::Retries=1 -o Acquire::http::Timeout=15 -o DPkg::Lock::Timeout=120';
  const script = `command -v nats-server || { apt-get ${quick} update -q && apt-get ${quick} install -y -q --no-install-recommends nats-server; }`;
  await run({
    argv: ['flock', join(tmpdir(), 'gaia-nats-install.lock'), 'timeout', '180', 'sh', '-c', script],
    env: { DEBIAN_FRONTEND: 'noninteractive' },
  });
}
