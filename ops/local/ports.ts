import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/** Below those that systems give to outgoing connections, which would else take one before it is used. */
const [firstPort, lastPort] = [20_000, 32_000];
const mostTries = 1_000;

/**
 * Free ports of 127.0.0.1, all different, and by chance others than those of a start at the same time. Somebody may take
 * one before it is used all the same: a start that fails then says so.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers: Server[] = [];
  for (let tries = 0; servers.length < count; tries += 1) {
    if (tries === mostTries) throw new Error(`there are no free ports between ${firstPort} and ${lastPort}`);
    const server = await listen(randomInt(firstPort, lastPort), '127.0.0.1').catch(() => null);
    if (server) servers.push(server);
  }
  const ports = servers.map(portOf);
  await Promise.all(servers.map(close));
  return ports;
}

/** Whether a local service may listen there; also false where somebody listens on all addresses. */
export async function isPortFree(port: number): Promise<boolean> {
  try {
    for (const host of ['127.0.0.1', '0.0.0.0']) await close(await listen(port, host));
    return true;
  } catch {
    return false;
  }
}

function listen(port: number, host: string): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve(server));
  });
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no TCP address');
  return address.port;
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
