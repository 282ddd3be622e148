import { join } from 'node:path';
import * as z from 'zod';
import { start } from '../../ops/run.ts';
import type { StartPeer } from './peer.ts';

/** node:http with undici behind it: what a gateway on Node cannot be cheaper than. */
export const startNodeProxy: StartPeer = async (vendorUrl) => {
  const proxy = await start({
    argv: [process.execPath, join(import.meta.dirname, 'node-proxy-main.ts'), vendorUrl],
    ipc: true,
  });
  const port = await new Promise<number>((resolve, reject) => {
    proxy.onMessage((message) => resolve(PortMessage.parse(message).port));
    void proxy.exited.then(() => reject(new Error('the Node proxy did not start')));
  });
  const leg = { name: 'node', url: `http://127.0.0.1:${port}`, headers: {}, model: 'bench' };
  return { leg, pid: proxy.pid, stop: () => proxy.stop() };
};

const PortMessage = z.object({ port: z.number() });
