import { describe, expect, it, vi } from 'vitest';
import { createRpmLeases, type LeaseSource } from './rpm-leases.ts';
import { admitted, counter, isolate } from './test-leases.ts';

describe('the leases of an isolate', () => {
  it.each([1, 2, 7, 10, 60, 600])('admit exactly a limit of %i to a caller who stays with one isolate', async (rpm) => {
    const world = { now: 0 };
    const leases = isolate(world, counter(world));
    const decisions = [];
    for (let request = 0; request < rpm * 20; request += 1) decisions.push(await leases.take('key', rpm));
    expect(decisions.filter(({ admitted }) => admitted)).toHaveLength(rpm);
    expect(decisions[0]).toMatchObject({ admitted: true, remaining: rpm - 1 });
    expect(decisions[rpm - 1]).toMatchObject({ admitted: true, remaining: 0 });
    expect(decisions.at(-1)).toMatchObject({ admitted: false, remaining: 0, resetsInMs: 60_000 });
  });

  it('decide most requests alone, and refuse a flood without asking at all', async () => {
    const world = { now: 0 };
    const ask = counter(world);
    const leases = isolate(world, ask);
    for (let request = 0; request < 600; request += 1) await leases.take('key', 600);
    expect(ask.mock.calls.length).toBeLessThan(60);
    await leases.take('key', 600);
    const asked = ask.mock.calls.length;
    for (let request = 0; request < 10_000; request += 1) await leases.take('key', 600);
    expect(ask.mock.calls.length).toBe(asked);
  });

  it('leave almost all of a budget to others when they see one request', async () => {
    const world = { now: 0 };
    const ask = counter(world);
    for (let other = 0; other < 9; other += 1) await isolate(world, ask).take('key', 10);
    expect(await isolate(world, ask).take('key', 10)).toMatchObject({ admitted: true, remaining: 0 });
    expect(await isolate(world, ask).take('key', 10)).toMatchObject({ admitted: false });
  });

  it('give a burst of a hundred at once exactly the limit, and let one of them speculate at a time', async () => {
    const world = { now: 0 };
    const count = counter(world);
    let [speculating, most] = [0, 0];
    const leases = isolate(world, async (key, ask) => {
      speculating += Math.sign(ask.ahead);
      most = Math.max(most, speculating);
      await turn();
      speculating -= Math.sign(ask.ahead);
      return await count(key, ask);
    });
    await leases.take('key', 50);
    const burst = await Promise.all(Array.from({ length: 100 }, async () => await leases.take('key', 50)));
    expect(burst.filter(({ admitted }) => admitted).length).toBeLessThanOrEqual(49);
    expect(most).toBe(1);
    const rest = await Promise.all(Array.from({ length: 100 }, async () => await leases.take('key', 50)));
    expect([...burst, ...rest].filter(({ admitted }) => admitted)).toHaveLength(49);
  });

  it('expire with their window, unused', async () => {
    const world = { now: 0 };
    const ask = counter(world);
    const leases = isolate(world, ask);
    for (let request = 0; request < 4; request += 1) await leases.take('key', 1_000);
    world.now = 60_000;
    const asked = ask.mock.calls.length;
    expect(await leases.take('key', 1_000)).toMatchObject({ admitted: true, remaining: 999 });
    expect(ask.mock.calls.length).toBe(asked + 1);
  });

  it('are not used by a grant that arrives after its window, but asked for anew', async () => {
    const world = { now: 0 };
    const count = counter(world);
    await count('key', { limit: 5, ahead: 0 });
    world.now = 59_000;
    const slowOnce = vi.fn<LeaseSource>(async (key, ask) => {
      const lease = await count(key, ask);
      if (slowOnce.mock.calls.length === 1) world.now += 1_500;
      return lease;
    });
    expect(await isolate(world, slowOnce).take('key', 5)).toMatchObject({ admitted: true, remaining: 4 });
    expect(slowOnce).toHaveBeenCalledTimes(2);
  });

  it('refuse with 503 when every answer is later than its window', async () => {
    const world = { now: 0 };
    const leases = isolate(world, async () => {
      world.now += 61_000;
      return { granted: 1, remaining: 5, resetsInMs: 60_000, window: world.now };
    });
    await expect(leases.take('key', 5)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('are not used when the clock was set back', async () => {
    const world = { now: 0 };
    let skew = 0;
    const ask = counter(world);
    const leases = createRpmLeases({ ask, now: () => world.now + skew });
    for (let request = 0; request < 4; request += 1) await leases.take('key', 1_000);
    const asked = ask.mock.calls.length;
    skew = -3_600_000;
    await leases.take('key', 1_000);
    expect(ask.mock.calls.length).toBe(asked + 1);
  });

  it('remember a bounded number of keys, and admit no more for having forgotten', async () => {
    const world = { now: 0 };
    const ask = counter(world);
    const leases = createRpmLeases({ ask, now: () => world.now, maxKeys: 2 });
    for (let request = 0; request < 50; request += 1) {
      await leases.take('key', 10);
      await leases.take(`other-${request}`, 10_000);
      await leases.take(`another-${request}`, 10_000);
    }
    expect(await leases.take('key', 10)).toMatchObject({ admitted: false });
    expect(ask.mock.calls.filter(([key]) => key === 'key')).toHaveLength(51);
  });

  it('are asked for before they run out, and by one for all, in every window after the first burst', async () => {
    const world = { now: 0 };
    const count = counter(world);
    const ask = vi.fn<LeaseSource>(async (...asked) => {
      await turn();
      return await count(...asked);
    });
    const leases = isolate(world, ask);
    const busyMinute = async (): Promise<number> => {
      const before = ask.mock.calls.length;
      const callers = Array.from({ length: 32 }, async () => {
        for (let request = 0; request < 100; request += 1) {
          expect(await leases.take('key', 100_000)).toMatchObject({ admitted: true });
          await turn();
        }
      });
      await Promise.all(callers);
      world.now += 60_000;
      return ask.mock.calls.length - before;
    };
    // Nobody knows of each other yet.
    expect(await busyMinute()).toBeLessThan(32 + 12);
    expect(await busyMinute()).toBeLessThan(12);
  });

  it('are asked for anew when the one who asked for all is gone', async () => {
    const world = { now: 0 };
    const count = counter(world);
    const ask = vi.fn<LeaseSource>(async (key, asked) => {
      if (asked.ahead > 0) await new Promise(() => undefined);
      return await count(key, asked);
    });
    const leases = isolate(world, ask);
    await leases.take('key', 1_000);
    void leases.take('key', 1_000);
    expect(await leases.take('key', 1_000)).toMatchObject({ admitted: true });
    expect(ask).toHaveBeenCalledTimes(3);
  });

  it('say on each answer what is really left', async () => {
    const world = { now: 0 };
    const leases = isolate(world, counter(world));
    const said: number[] = [];
    for (let request = 0; request < 100; request += 1) said.push((await leases.take('key', 100)).remaining);
    expect(said).toEqual(Array.from({ length: 100 }, (_, request) => 99 - request));
  });

  it('are all used before anybody is refused because nothing is left elsewhere', async () => {
    const world = { now: 0 };
    const ask = counter(world);
    const [leases, elsewhere] = [isolate(world, ask), isolate(world, ask)];
    const here = await admitted(leases, 22, 100);
    const there = await admitted(elsewhere, 200, 100);
    expect(await leases.take('key', 100)).toMatchObject({ admitted: true });
    const rest = await admitted(leases, 200, 100);
    expect(here + there + 1 + rest).toBe(100);
  });

  it('serve while nobody can be asked, to the last one', async () => {
    const world = { now: 0 };
    const count = counter(world);
    let granted = 0;
    const ask = vi.fn<LeaseSource>(async (...asked) => {
      const lease = await count(...asked);
      granted += lease.granted;
      return lease;
    });
    const leases = isolate(world, ask);
    await admitted(leases, 20, 1_000);
    ask.mockRejectedValue(new Error('away'));
    expect(await admitted(leases, granted - 20, 1_000)).toBe(granted - 20);
    await expect(leases.take('key', 1_000)).rejects.toThrow('away');
  });

  it('follow a limit that was changed, in both directions', async () => {
    const world = { now: 0 };
    const leases = isolate(world, counter(world));
    for (let request = 0; request < 6; request += 1) await leases.take('key', 5);
    expect(await leases.take('key', 5)).toMatchObject({ admitted: false });
    expect(await leases.take('key', 20)).toMatchObject({ admitted: true });
    expect(await leases.take('key', 3)).toMatchObject({ admitted: false });
  });
});

let nextTurn: Promise<void> | null = null;

/** The next turn of the event loop: one for all who wait for it, since workerd takes a millisecond for each. */
function turn(): Promise<void> {
  nextTurn ??= new Promise((resolve) => {
    setImmediate(() => {
      nextTurn = null;
      resolve();
    });
  });
  return nextTurn;
}
