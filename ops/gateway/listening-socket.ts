import { createServer, type Server } from 'node:net';
import * as z from 'zod';
import { OpsError } from '../command.ts';

export type Address = { host: string; port: number };

const backlog = 1_024;
const Handle = z.object({ fd: z.int().min(0) });

/** Whether several processes may have a listening socket each on one port, with the kernel spreading the connections. */
export async function canSharePort(): Promise<boolean> {
  try {
    await close(await listen({ host: '127.0.0.1', port: 0 }, { shared: true }));
    return true;
  } catch {
    return false;
  }
}

/** A port that nobody else's gateway listens on, until it is given up or this process is gone. */
export type Claim = AsyncDisposable & { port: number };

/** Finds out whether we may listen there (port 0: where there is room), and keeps others of our kind away. */
export async function claimPort(address: Address): Promise<Claim> {
  const { host, port } = address;
  try {
    // Not shared: another gateway that shares its port would let us in, and half of the requests would be its.
    const server = await listen(address, { shared: false });
    const taken = portOf(server);
    await close(server);
    return { port: taken, ...(await holdClaim(host, taken)) };
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (code === 'EADDRINUSE') {
      throw new OpsError(`Port ${port} is taken: stop what listens there, or choose another with \`--port N\`.`, {
        cause,
      });
    }
    throw new OpsError(`Nothing can listen on ${host} port ${port} (${code || String(cause)}).`, { cause });
  }
}

/**
 * Of two that found the port free at the same moment, one gets its name: an abstract socket, which only Linux has and
 * which is gone with its process, however that ends.
 */
async function holdClaim(host: string, port: number): Promise<AsyncDisposable> {
  if (process.platform !== 'linux') return { [Symbol.asyncDispose]: async () => undefined };
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // A name has room for 107 bytes, and a host's may be longer.
    server.listen({ path: `\0gaia-gateway ${port} ${host.slice(0, 64)}` }, resolve);
  });
  return { [Symbol.asyncDispose]: () => close(server) };
}

/**
 * Opens a listening socket for a process that is started meanwhile and inherits it. We let go of it before our own
 * event loop could accept anything.
 */
export async function giveSocket<T>(
  address: Address,
  shared: boolean,
  use: (descriptor: number) => Promise<T>,
): Promise<T> {
  const server = createServer();
  return await new Promise<T>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...address, backlog, reusePort: shared }, () => {
      const started = use(Handle.parse(Reflect.get(server, '_handle')).fd);
      server.close();
      started.then(resolve, reject);
    });
  });
}

function listen(address: Address, { shared }: { shared: boolean }): Promise<Server> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ ...address, reusePort: shared }, () => resolve(server));
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
