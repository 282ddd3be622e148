import { describe, expect, it } from 'vitest';
import { grantLease, rpmWindowMs, type RpmWindow } from './rpm-window.ts';

/** Asks one after another and gives what each was granted. */
function grants(limit: number, aheads: number[], now = 0): number[] {
  let window: RpmWindow | undefined;
  return aheads.map((ahead) => {
    const next = grantLease(window, { limit, ahead }, now);
    window = next.window;
    return next.lease.granted;
  });
}

describe("a key's minute", () => {
  it.each([1, 2, 3, 5, 10, 60, 1_000])('grants exactly the limit of %i, however greedily it is asked', (limit) => {
    const all = grants(limit, Array<number>(limit + 10).fill(1_000_000));
    expect(all.reduce((sum, granted) => sum + granted, 0)).toBe(limit);
    expect(all.at(-1)).toBe(0);
  });

  it('never speculates with more than a quarter of what is left, so that others find some too', () => {
    expect(grants(100, [1_000])).toEqual([1 + 24]);
    expect(grants(4, [1_000, 1_000, 1_000, 1_000, 1_000])).toEqual([1, 1, 1, 1, 0]);
  });

  it('begins with the first request and is over a minute later, not before', () => {
    const { window } = grantLease(undefined, { limit: 1, ahead: 0 }, 1_000);
    expect(grantLease(window, { limit: 1, ahead: 0 }, 1_000 + rpmWindowMs - 1).lease).toMatchObject({
      granted: 0,
      resetsInMs: 1,
    });
    expect(grantLease(window, { limit: 1, ahead: 0 }, 1_000 + rpmWindowMs).lease).toMatchObject({
      granted: 1,
      resetsInMs: rpmWindowMs,
    });
  });

  it('lasts at most a minute more when the clock is set back by a day, and forgets nothing', () => {
    const day = 86_400_000;
    const { window } = grantLease(undefined, { limit: 2, ahead: 0 }, day);
    const after = grantLease(window, { limit: 2, ahead: 0 }, 0);
    expect(after.lease).toMatchObject({ granted: 1, remaining: 0, resetsInMs: rpmWindowMs });
  });

  it('grants nothing where the limit is zero, negative, or was lowered below what is spent', () => {
    expect(grants(0, [5])).toEqual([0]);
    expect(grants(-3, [5])).toEqual([0]);
    const { window } = grantLease({ granted: 50, resetsAt: 100 }, { limit: 10, ahead: 5 }, 0);
    expect(window.granted).toBe(50);
  });

  it('takes a nonsensical wish to speculate as none', () => {
    expect(grants(100, [-5])).toEqual([1]);
  });
});
