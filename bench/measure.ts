import { setTimeout as sleep } from 'node:timers/promises';
import { cpuMicroseconds } from './cpu.ts';
import type { LegName, MeasuredLeg } from './legs.ts';
import { load, type Leg, type LoadOptions } from './load.ts';
import { quantile } from './statistics.ts';

/** What a call costs after its answer, such as being written down, counts as well. */
const settleMs = 100;

export type Counts = {
  requests: number;
  streams: number;
  concurrency: number;
  rounds: number;
  /** Requests before the first round, for each leg: engines compile what is used often, and go on with it for long. */
  warmUp: number;
};

/** Milliseconds each, all requests of all rounds. */
type Latencies = { alone: number[]; loaded: number[]; firstToken: number[] };

/** What one round gave. Microseconds of CPU per request by process; null where the system does not tell. */
export type Round = {
  aloneP50: number;
  firstTokenP50: number;
  perSecond: number;
  unaryCpu: Record<string, number | null>;
  streamCpu: Record<string, number | null>;
};

export type LegResult = { name: LegName; latencies: Latencies; rounds: Round[] };

/** Legs take turns in every round, so that what else the machine does hits all of them alike. */
export async function measure(legs: readonly MeasuredLeg[], counts: Counts): Promise<LegResult[]> {
  const results = legs.map(({ name }): LegResult => ({
    name,
    latencies: { alone: [], loaded: [], firstToken: [] },
    rounds: [],
  }));
  for (const measured of legs) await warmUp(measured, counts);
  for (let round = 0; round < counts.rounds; round++) {
    for (const [index, measured] of legs.entries()) {
      const { latencies, ...figures } = await measureLeg(measured, counts);
      const result = results[index];
      if (!result) continue;
      result.rounds.push(figures);
      result.latencies.alone.push(...latencies.alone);
      result.latencies.loaded.push(...latencies.loaded);
      result.latencies.firstToken.push(...latencies.firstToken);
    }
  }
  return results;
}

/** A stream has as much work as some ten unary requests. */
async function warmUp(measured: MeasuredLeg, { warmUp: requests, concurrency }: Counts): Promise<void> {
  // Who signs requests for a minute only does so again for the second half.
  for (let half = 0; half < 2; half++) {
    const leg = await measured.leg();
    await load(leg, { requests: Math.ceil(requests / 2), concurrency, stream: false });
    await load(leg, { requests: Math.ceil(requests / 40), concurrency, stream: true });
  }
}

async function measureLeg(measured: MeasuredLeg, counts: Counts): Promise<Round & { latencies: Latencies }> {
  const { requests, streams, concurrency } = counts;
  const leg = await measured.leg();
  const alone = await load(leg, { requests, concurrency: 1, stream: false });
  const first = await load(leg, { requests: Math.ceil(streams / 24), concurrency: 1, stream: true });
  const unary = await withCpu(measured, leg, { requests: requests * 6, concurrency, stream: false });
  const stream = await withCpu(measured, leg, { requests: streams, concurrency, stream: true });
  return {
    latencies: { alone: alone.total, loaded: unary.result.total, firstToken: first.firstByte },
    aloneP50: quantile(alone.total, 0.5),
    firstTokenP50: quantile(first.firstByte, 0.5),
    perSecond: unary.result.total.length / unary.result.seconds,
    unaryCpu: unary.cpu,
    streamCpu: stream.cpu,
  };
}

async function withCpu({ pids }: MeasuredLeg, leg: Leg, options: LoadOptions) {
  const processes = Object.entries(pids);
  const before = await Promise.all(processes.map(([, pid]) => cpuMicroseconds(pid)));
  const result = await load(leg, options);
  await sleep(settleMs);
  const after = await Promise.all(processes.map(([, pid]) => cpuMicroseconds(pid)));
  const cpu = processes.map(([name], index): [string, number | null] => {
    const [from, to] = [before[index], after[index]];
    return [name, typeof from !== 'number' || typeof to !== 'number' ? null : (to - from) / options.requests];
  });
  return { result, cpu: Object.fromEntries(cpu) };
}
