import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRpmLeases, type LeaseSource } from './rpm-leases.ts';
import { admitted, counter, isolate } from './test-leases.ts';

describe('a counter that is 150 ms away', () => {
  afterEach(() => void vi.useRealTimers());

  it('is asked ahead by one request at a time, at the beginning of a window as well', async () => {
    vi.useFakeTimers({ now: 0 });
    const count = counter({
      get now() {
        return Date.now();
      },
    });
    let [speculating, most, granted] = [0, 0, 0];
    const leases = createRpmLeases({
      ask: async (key, ask) => {
        speculating += Math.sign(ask.ahead);
        most = Math.max(most, speculating);
        await new Promise((resolve) => setTimeout(resolve, 75));
        const lease = await count(key, ask);
        granted += lease.granted;
        await new Promise((resolve) => setTimeout(resolve, 75));
        speculating -= Math.sign(ask.ahead);
        return lease;
      },
    });
    const burst = async (): Promise<void> => {
      const all = Promise.all(Array.from({ length: 64 }, async () => await leases.take('key', 3_200)));
      await vi.advanceTimersByTimeAsync(2_000);
      await all;
    };
    for (let second = 0; second < 50; second += 2) await burst();
    await vi.advanceTimersByTimeAsync(61_000);
    [most, granted] = [0, 0];
    await burst();
    expect(most).toBe(1);
    expect(granted).toBeLessThan(800);
  });
});

describe('a clock that is set back', () => {
  it.each([
    ['by ten seconds', 0, -10_000],
    ['because it was ten seconds ahead', 10_000, 0],
  ])('%s, ends all leases', async (_what, before, after) => {
    const world = { now: 0 };
    const ask = counter(world);
    let skew = before;
    const leases = createRpmLeases({ ask, now: () => world.now + skew });
    await isolate(world, ask).take('key', 100);
    world.now = 20_000;
    await admitted(leases, 40, 100);
    world.now = 40_000;
    await leases.take('key', 100);
    skew = after;
    await leases.take('key', 100);
    world.now = 60_000;
    expect(await admitted(isolate(world, ask), 200, 100)).toBe(100);
    world.now = 65_000;
    expect(await admitted(leases, 200, 100)).toBe(0);
  });

  it('makes nobody of a grant that was on its way', async () => {
    const world = { now: 0 };
    const count = counter(world);
    let skew = 0;
    const ask = vi.fn<LeaseSource>(async (key, asked) => {
      const lease = await count(key, asked);
      if (ask.mock.calls.length === 1) skew = -10_000;
      return lease;
    });
    const leases = createRpmLeases({ ask, now: () => world.now + skew });
    await leases.take('key', 100);
    expect(ask).toHaveBeenCalledTimes(2);
  });
});
