import { createApiKey } from '#shared/identity/api-key.ts';
import type { BenchStack } from './bench-stack.ts';
import { lookUpPath } from './counting-auth.ts';
import { cpuMicroseconds } from './cpu.ts';
import { load } from './load.ts';
import { rawLoad } from './raw-load.ts';
import type { Verdict } from './targets.ts';

const refusals = 40_000;
const refusalConnections = 32;
const rounds = 3;

/** What must hold of identity, counted between gateway and auth. */
export async function checkIdentity(stack: BenchStack): Promise<Verdict[]> {
  return [...(await refuseMalformedKeys(stack)), await knownKey(stack), await oneUnknownKey(stack)];
}

/** A mistyped key: one character of the checksum is wrong. */
async function refuseMalformedKeys({ gatewayUrl, pids, auth }: BenchStack): Promise<Verdict[]> {
  const { key } = await createApiKey('dev');
  const mistyped = key.slice(0, -1) + (key.endsWith('0') ? '1' : '0');
  const shape = { url: gatewayUrl, connections: refusalConnections, status: 401, key: () => mistyped };
  await rawLoad({ ...shape, requests: 10_000 });
  const asked = auth.count(lookUpPath);
  const rates: number[] = [];
  const costs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const before = await cpuMicroseconds(pids['gateway'] ?? 0);
    rates.push(refusals / (await rawLoad({ ...shape, requests: refusals })));
    const after = await cpuMicroseconds(pids['gateway'] ?? 0);
    if (before !== null && after !== null) costs.push((after - before) / refusals);
  }
  const rate = { median: rates.toSorted((a, b) => a - b)[1] ?? NaN, min: Math.min(...rates), max: Math.max(...rates) };
  const cost = { median: costs.toSorted((a, b) => a - b)[1] ?? NaN, min: Math.min(...costs), max: Math.max(...costs) };
  return [
    {
      what: 'malformed keys refused by one process',
      target: '≥ 8000',
      found: rate,
      unit: '/s',
      met: rate.median >= 8_000,
    },
    { what: '… CPU of one refusal', target: '', found: costs.length > 0 ? cost : null, unit: 'µs', met: null },
    exactly('… look-ups', auth.count(lookUpPath) - asked, 0),
  ];
}

async function knownKey({ gatewayUrl, callerHeaders, auth }: BenchStack): Promise<Verdict> {
  const leg = { name: 'gateway', url: gatewayUrl, headers: callerHeaders, model: 'bench/bench' };
  await load(leg, { requests: 1, concurrency: 1, stream: false });
  const asked = auth.count(lookUpPath);
  await load(leg, { requests: 1_000, concurrency: 32, stream: false });
  return exactly('look-ups for 1000 requests with a known key', auth.count(lookUpPath) - asked, 0);
}

async function oneUnknownKey({ gatewayUrl, auth }: BenchStack): Promise<Verdict> {
  const { key } = await createApiKey('dev');
  const asked = auth.count(lookUpPath);
  await rawLoad({ url: gatewayUrl, connections: 1_000, requests: 1_000, status: 401, key: () => key });
  return exactly('look-ups for 1000 first requests at once with one unknown key', auth.count(lookUpPath) - asked, 1);
}

function exactly(what: string, value: number, wanted: number): Verdict {
  const found = { median: value, min: value, max: value };
  return { what, target: `= ${wanted}`, found, unit: '', met: value === wanted };
}
