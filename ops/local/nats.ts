import { accessSync, constants } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { start, type Running } from '../run.ts';

export type NatsPorts = { tcp: number; websocket: number; monitor: number };

export type StartNatsOptions = {
  /** Configuration and JetStream store go below it. */
  directory: string;
  onProgress?: (message: string) => void;
  /** Absent: free ports, chosen by the server itself. */
  ports?: NatsPorts;
};

export type LocalNats = {
  /** What `NATS_URL` takes. */
  url: string;
  tcpUrl: string;
  monitorUrl: string;
  ports: NatsPorts;
  process: Running;
  stop: () => Promise<void>;
};

const anyFreePort = -1;
const startMs = 10_000;

/** Where the nats-server program is, by the PATH; null where there is none. */
export function findNatsServer(): string | null {
  const file = process.platform === 'win32' ? 'nats-server.exe' : 'nats-server';
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, file)).find(isExecutable) ?? null;
}

/** Starts a nats-server of our own on 127.0.0.1 and resolves when it serves; rejects with one sentence otherwise. */
export async function startNats({ directory, onProgress, ports }: StartNatsOptions): Promise<LocalNats> {
  const program = findNatsServer();
  if (program === null) throw new Error('nats-server is not on the PATH.');
  await mkdir(directory, { recursive: true });
  const configFile = join(directory, 'nats.conf');
  const wanted = ports ?? { tcp: anyFreePort, websocket: anyFreePort, monitor: anyFreePort };
  await writeFile(configFile, renderConfig(directory, wanted));
  onProgress?.('starting nats-server');
  const server = await start({ argv: [program, '--config', configFile] });
  try {
    const bound = await announcedPorts(server);
    const monitorUrl = `http://127.0.0.1:${bound.monitor}`;
    await healthy(monitorUrl);
    onProgress?.(`nats-server listens on port ${bound.websocket}`);
    return {
      url: `ws://127.0.0.1:${bound.websocket}`,
      tcpUrl: `nats://127.0.0.1:${bound.tcp}`,
      monitorUrl,
      ports: bound,
      process: server,
      stop: () => server.stop(),
    };
  } catch (error) {
    await server.stop('SIGKILL');
    throw error;
  }
}

/** JSON is valid in its configuration language, and needs no escaping of ours. */
function renderConfig(directory: string, { tcp, websocket, monitor }: NatsPorts): string {
  const config = {
    server_name: 'gaia-local',
    host: '127.0.0.1',
    port: tcp,
    http: `127.0.0.1:${monitor}`,
    websocket: { host: '127.0.0.1', port: websocket, no_tls: true },
    jetstream: { store_dir: join(directory, 'jetstream') },
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

const announcements: Record<keyof NatsPorts, RegExp> = {
  tcp: /Listening for client connections on \S+:(\d+)/,
  websocket: /Listening for websocket clients on \S+:(\d+)/,
  monitor: /Starting http monitor on \S+:(\d+)/,
};

/** The server logs each port that it has bound, which is how we learn those it chose itself. */
async function announcedPorts(server: Running): Promise<NatsPorts> {
  const found: NatsPorts = { tcp: 0, websocket: 0, monitor: 0 };
  let lastLine = 'it printed nothing';
  const announced = new Promise<NatsPorts>((resolve) => {
    server.onLine((line) => {
      lastLine = line;
      for (const name of ['tcp', 'websocket', 'monitor'] as const) {
        const port = announcements[name].exec(line)?.[1];
        if (port !== undefined) found[name] = Number(port);
      }
      if (line.includes('Server is ready')) resolve(found);
    });
  });
  const exited = server.exited.then(() => null);
  const expired = sleep(startMs, null, { ref: false });
  const ports = await Promise.race([announced, exited, expired]);
  if (ports === null) throw new Error(`nats-server did not start; its last line was: ${lastLine}.`);
  if (Object.values(ports).includes(0)) throw new Error('nats-server did not say which ports it listens on.');
  return ports;
}

async function healthy(monitorUrl: string): Promise<void> {
  const deadline = AbortSignal.timeout(startMs);
  while (!deadline.aborted) {
    const answer = await fetch(`${monitorUrl}/healthz`, { signal: deadline }).catch(() => null);
    await answer?.body?.cancel();
    if (answer?.ok) return;
    await sleep(25);
  }
  throw new Error(`nats-server started but was not healthy within ${startMs / 1_000} seconds.`);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
