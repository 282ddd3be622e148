import { connect, createServer, type Socket } from 'node:net';
import { listen } from './listen.ts';

export type Balancer = AsyncDisposable & { port: number };

const pollMs = 25;

/**
 * Spreads TCP connections over the processes of a service as a platform's proxy does: among those that say that they
 * are ready, and to the next one where nobody listens any more. It never looks into what passes.
 */
export async function startBalancer(ports: () => readonly number[]): Promise<Balancer> {
  const clients = new Set<Socket>();
  let ready: readonly number[] = [];
  let turn = 0;
  const poll = async (): Promise<void> => {
    const asked = await Promise.all(ports().map(async (port) => ((await isReady(port)) ? [port] : [])));
    ready = asked.flat();
  };
  await poll();
  const timer = setInterval(() => void poll(), pollMs);
  const server = createServer({ noDelay: true }, (client) => {
    clients.add(client);
    client.on('error', () => undefined).once('close', () => clients.delete(client));
    turn += 1;
    const all = ready.length > 0 ? ready : ports();
    join(client, [...all.slice(turn % all.length), ...all.slice(0, turn % all.length)]);
  });
  return {
    port: await listen(server),
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      for (const client of clients) client.destroy();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

function join(client: Socket, [port, ...others]: readonly number[]): void {
  if (port === undefined) return void client.resetAndDestroy();
  const upstream = connect({ port, host: '127.0.0.1', noDelay: true });
  upstream.once('error', () => (upstream.connecting ? undefined : client.destroy()));
  upstream.once('connect', () => {
    upstream.on('error', () => client.resetAndDestroy());
    client.pipe(upstream).pipe(client);
    client.once('close', () => upstream.destroy());
  });
  upstream.once('close', (hadError) => {
    if (hadError && upstream.bytesRead === 0 && upstream.bytesWritten === 0) join(client, others);
  });
  return undefined;
}

async function isReady(port: number): Promise<boolean> {
  try {
    const answer = await fetch(`http://127.0.0.1:${port}/ready`, { headers: { connection: 'close' } });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
