import { createApiKey } from '#shared/identity/api-key.ts';
import type { BenchStack } from './bench-stack.ts';
import { residentBytes } from './cpu.ts';
import { rawLoad } from './raw-load.ts';

const keyCount = 50_000;
const requests = 200_000;
const steps = 8;
const allowedGrowth = 1.15;

/**
 * 200,000 requests with 50,000 different keys that nobody knows. Every key has come once after a quarter, so from
 * there on memory must not grow any more.
 */
export async function soak({ gatewayUrl, pids, auth }: BenchStack): Promise<boolean> {
  const keys = await Promise.all(Array.from({ length: keyCount }, async () => (await createApiKey('dev')).key));
  auth.knowNobody();
  const pid = pids['gateway'] ?? 0;
  const memory = [await megabytes(pid)];
  console.log(`${requests} requests with ${keyCount} unknown keys; resident memory of the gateway:`);
  console.log(`  before          ${memory[0]} MB`);
  for (let step = 0; step < steps; step++) {
    const share = requests / steps;
    const key = (index: number): string => keys[(step * share + index) % keyCount] ?? '';
    const seconds = await rawLoad({ url: gatewayUrl, connections: 64, requests: share, status: 401, key });
    memory.push(await megabytes(pid));
    console.log(
      `  after ${String((step + 1) * share).padEnd(9)} ${memory.at(-1)} MB  (${Math.round(share / seconds)}/s)`,
    );
  }
  const settled = memory[steps / 4] ?? NaN;
  const growth = (memory.at(-1) ?? NaN) / settled;
  const met = growth <= allowedGrowth;
  console.log(
    `growth since every key has come once: ${growth.toFixed(2)} × (${met ? 'pass' : 'MISS'}, ≤ ${allowedGrowth})`,
  );
  return met;
}

async function megabytes(pid: number): Promise<number> {
  return Math.round(((await residentBytes(pid)) ?? NaN) / 1_048_576);
}
