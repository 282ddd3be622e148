import { join } from 'node:path';
import * as z from 'zod';
import { repositoryRoot } from '../ops/repository.ts';
import { start } from '../ops/run.ts';

export type MockVendor = { url: string; pid: number; stop: () => Promise<void> };

/** The mock vendor in a process of its own, so that its CPU is nobody else's. */
export async function startMockVendor(): Promise<MockVendor> {
  const vendor = await start({ argv: [process.execPath, join(repositoryRoot, 'bench/mock-vendor.ts')], ipc: true });
  const url = await new Promise<string>((resolve, reject) => {
    vendor.onMessage((message) => resolve(`http://127.0.0.1:${PortMessage.parse(message).port}`));
    void vendor.exited.then(() => reject(new Error('the mock vendor did not start')));
  });
  return { url, pid: vendor.pid, stop: () => vendor.stop() };
}

const PortMessage = z.object({ port: z.number() });
