import { createServer } from 'node:net';
import { listen } from './listen.ts';

/** Ports that were free a moment ago, all different: for servers that must start late, or twice on the same port. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(servers.map(async (server) => await listen(server)));
  await Promise.all(
    servers.map(async (server) => {
      await new Promise((resolve) => {
        server.close(resolve);
      });
    }),
  );
  return ports;
}
