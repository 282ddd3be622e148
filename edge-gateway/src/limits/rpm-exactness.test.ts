import { describe, expect, it } from 'vitest';
import { createRpmLeases } from './rpm-leases.ts';
import { grantLease, rpmWindowMs, type RpmWindow } from './rpm-window.ts';

type Event = { at: number; happen: () => void };
type Window = { from: number; until: number };
type Random = (max: number) => number;

/** Deterministic, so that a failing seed can be run again. */
function randomFrom(seed: number): Random {
  let state = seed;
  return (max) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let word = Math.imul(state ^ (state >>> 15), state | 1);
    word ^= word + Math.imul(word ^ (word >>> 7), word | 61);
    return Math.floor((((word ^ (word >>> 14)) >>> 0) / 2 ** 32) * max);
  };
}

/** Lets everything that waits on settled promises go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 12; turn += 1) await Promise.resolve();
}

/**
 * The world in virtual time: isolates with wrong clocks, a network that delays, loses and reorders, and one counter
 * that restarts with nothing but what it has stored.
 */
async function simulate(seed: number, limit: number, slowestMs: number) {
  const random = randomFrom(seed);
  const events: Event[] = [];
  let time = 0;
  const at = (delay: number, happen: () => void): void => void events.push({ at: time + delay, happen });

  const windows: Window[] = [];
  let stored: RpmWindow | undefined;
  const serve = (ask: Parameters<typeof grantLease>[1]) => {
    const { window, lease } = grantLease(stored, ask, time);
    if (window.resetsAt !== stored?.resetsAt) windows.push({ from: time, until: window.resetsAt });
    // What a restart would read; held as a copy, as storage is.
    stored = lease.granted > 0 ? { ...window } : stored;
    return lease;
  };
  const isolates = Array.from({ length: 1 + random(12) }, () => {
    const skew = random(120_000) - 60_000;
    return createRpmLeases({
      now: () => time + skew,
      ask: async (_key, ask) =>
        await new Promise((resolve, reject) => {
          at(random(slowestMs), () => {
            const lease = serve(ask);
            at(random(slowestMs), () => (random(10) === 0 ? reject(new Error('lost')) : resolve(lease)));
          });
        }),
    });
  });

  const admitted: number[] = [];
  const requests = limit * 20;
  for (let request = 0; request < requests; request += 1) {
    at(random(4 * rpmWindowMs), () => {
      const isolate = isolates[random(isolates.length)];
      Promise.resolve(isolate?.take('key', limit)).then(
        (decision) => decision?.admitted && admitted.push(time),
        () => undefined,
      );
    });
  }
  while (events.length > 0) {
    events.sort((a, b) => b.at - a.at);
    const next = events.pop();
    time = next?.at ?? time;
    next?.happen();
    await settle();
  }
  const isIn = (moment: number, { from, until }: Window): boolean => moment >= from && moment < until;
  return {
    admitted,
    counts: windows.map((window) => admitted.filter((moment) => isIn(moment, window)).length),
    outside: admitted.filter((moment) => !windows.some((window) => isIn(moment, window))),
  };
}

describe('the limit of a key', () => {
  const limits = [1, 2, 5, 10, 37, 60];
  const cases = Array.from({ length: 60 }, (_, seed) => ({ seed, limit: limits[seed % limits.length] ?? 1 }));

  it.each(cases)('holds in every window on a network like the real one (seed $seed)', async ({ seed, limit }) => {
    const { counts, admitted, outside } = await simulate(seed, limit, 400);
    expect(Math.max(...counts)).toBeLessThanOrEqual(limit);
    expect(outside).toEqual([]);
    expect(admitted.length).toBeGreaterThan((counts.length * limit) / 4);
  });

  it.each(cases)('holds where answers take longer than a window (seed $seed)', async ({ seed, limit }) => {
    const { counts, outside } = await simulate(seed, limit, 70_000);
    expect(Math.max(...counts)).toBeLessThanOrEqual(limit);
    expect(outside).toEqual([]);
  });
});
