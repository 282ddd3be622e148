import type { BenchStack } from './bench-stack.ts';
import { cpuMicroseconds } from './cpu.ts';
import { load, type Leg, type LoadOptions } from './load.ts';

export type Counts = { requests: number; streams: number; concurrency: number; rounds: number };

/** All in milliseconds, but CPU in microseconds per request of each process (null: not measured on this system). */
export type LegReport = {
  leg: string;
  unary: { p50: number; p95: number };
  firstToken: { p50: number; p95: number };
  cpuUnary: Record<string, number | null>;
  cpuStream: Record<string, number | null>;
};

export type Measured = { counts: Counts; legs: LegReport[] };

type Samples = {
  unary: number[];
  firstToken: number[];
  cpuUnary: Map<string, (number | null)[]>;
  cpuStream: Map<string, (number | null)[]>;
};

async function legsOf({ vendorUrl, chatUrl, gatewayUrl, apiKey, chatHeaders }: BenchStack): Promise<Leg[]> {
  return [
    { name: 'direct', url: vendorUrl, headers: {}, model: 'bench' },
    { name: 'chat', url: chatUrl, headers: await chatHeaders(), model: 'bench/bench' },
    { name: 'gateway', url: gatewayUrl, headers: { 'x-api-key': apiKey }, model: 'bench/bench' },
  ];
}

/** Legs take turns in every round, so that what else the machine does hits all of them alike. */
export async function measure(stack: BenchStack, counts: Counts): Promise<Measured> {
  const samples = new Map<string, Samples>();
  for (let round = 0; round <= counts.rounds; round++) {
    for (const leg of await legsOf(stack)) {
      const sample = await measureLeg(stack, leg, counts);
      if (round > 0) collect(samples, leg.name, sample); // The first round warms everything up.
    }
  }
  return { counts, legs: [...samples].map(([leg, collected]) => report(leg, collected)) };
}

async function measureLeg(stack: BenchStack, leg: Leg, { requests, streams, concurrency }: Counts): Promise<Samples> {
  const unary = await load(leg, { requests, concurrency: 1, stream: false });
  const stream = await load(leg, { requests: Math.ceil(streams / 8), concurrency: 1, stream: true });
  return {
    unary: unary.total,
    firstToken: stream.firstByte,
    cpuUnary: await cpuOf(stack, leg, { requests: requests * 4, concurrency, stream: false }),
    cpuStream: await cpuOf(stack, leg, { requests: streams, concurrency, stream: true }),
  };
}

async function cpuOf(stack: BenchStack, leg: Leg, options: LoadOptions): Promise<Map<string, (number | null)[]>> {
  const names = Object.entries(stack.pids);
  const before = await Promise.all(names.map(([, pid]) => cpuMicroseconds(pid)));
  await load(leg, options);
  const after = await Promise.all(names.map(([, pid]) => cpuMicroseconds(pid)));
  return new Map(
    names.map(([name], index) => {
      const [from, to] = [before[index], after[index]];
      return [name, [typeof from !== 'number' || typeof to !== 'number' ? null : (to - from) / options.requests]];
    }),
  );
}

function collect(samples: Map<string, Samples>, leg: string, sample: Samples): void {
  const known = samples.get(leg);
  if (!known) {
    samples.set(leg, sample);
    return;
  }
  known.unary.push(...sample.unary);
  known.firstToken.push(...sample.firstToken);
  for (const [name, values] of sample.cpuUnary) known.cpuUnary.get(name)?.push(...values);
  for (const [name, values] of sample.cpuStream) known.cpuStream.get(name)?.push(...values);
}

function report(leg: string, { unary, firstToken, cpuUnary, cpuStream }: Samples): LegReport {
  return {
    leg,
    unary: { p50: quantile(unary, 0.5), p95: quantile(unary, 0.95) },
    firstToken: { p50: quantile(firstToken, 0.5), p95: quantile(firstToken, 0.95) },
    cpuUnary: medians(cpuUnary),
    cpuStream: medians(cpuStream),
  };
}

function medians(byName: Map<string, (number | null)[]>): Record<string, number | null> {
  return Object.fromEntries(
    [...byName].map(([name, values]) => {
      const known = values.filter((value) => value !== null);
      return [name, known.length === 0 ? null : Math.round(quantile(known, 0.5))];
    }),
  );
}

function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? NaN;
  return Math.round(value * 1_000) / 1_000;
}
