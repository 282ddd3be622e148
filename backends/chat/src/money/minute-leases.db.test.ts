import { describe, expect, it, vi } from 'vitest';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import {
  admissionOf,
  caller,
  fieldOf,
  outcomeOf,
  startMeteredProcess,
  type MeteredProcess,
} from '../testing/metered.ts';
import { useMeteredDatabase } from '../../../../tests/support/metered-database.ts';
import type { AdmissionAnswer, AdmissionRequest } from './metering-store.ts';
import { createMinuteLeases } from './minute-leases.ts';

const { start, rows, url } = useMeteredDatabase();

const [worst, used] = [400, 7];

/** Call after call on so many connections at once. Gives the number of calls that were admitted before one was refused. */
async function callAll(metering: MeteredProcess, user: UserPrincipal, calls: number, atOnce = 16): Promise<number> {
  let [begun, done] = [0, 0];
  const one = async (): Promise<void> => {
    while (begun < calls) {
      begun += 1;
      const admitted = await metering.admit(admissionOf(user, 0, worst));
      done += 1;
      void metering.settle(admitted, outcomeOf(0, used));
    }
  };
  await Promise.allSettled(Array.from({ length: atOnce }, one));
  return done;
}

/** Calls until the database is not asked for one. */
async function admittedUnasked(metering: MeteredProcess, user: UserPrincipal) {
  for (let calls = 1; calls <= 20; calls += 1) {
    const before = metering.asked();
    const { headers, isReserved } = await metering.admit(admissionOf(user, 0, worst));
    if (metering.asked() === before && !isReserved) return { headers, calls };
  }
  throw new Error('the database was asked for each of 20 calls');
}

/** Added up over the minutes that a test may have seen. */
async function counted(user: UserPrincipal): Promise<{ requests: number; tokens: number; most: number }> {
  const [row] = await rows(
    'select sum(requests) as requests, sum(tokens) as tokens, max(requests) as most from minute_counters where subject_id = $1',
    [user.keyId],
  );
  const number = (name: string): number => Number(fieldOf(row, name));
  return { requests: number('requests'), tokens: number('tokens'), most: number('most') };
}

describe('a caller with many calls, limits far away and no budget', () => {
  it('hardly ever waits for the database', async () => {
    const metering = start();
    const user = caller({ rpm: 1_000_000, tpm: 1_000_000_000 });
    expect(await callAll(metering, user, 2_000)).toBe(2_000);
    expect(metering.asked()).toBeLessThan(400);
  });

  it('is counted at what was used, once its calls have paused', async () => {
    const metering = start();
    const user = caller({ rpm: 1_000_000, tpm: 1_000_000_000 });
    await callAll(metering, user, 1_000);
    expect(metering.asked()).toBeLessThan(500);
    await vi.waitFor(async () => {
      expect(await counted(user)).toMatchObject({ requests: 1_000, tokens: 1_000 * used });
    }, 5_000);
  });

  it('is counted at what was used when the process stops, too', async () => {
    const metering = startMeteredProcess({ url: url() });
    const user = caller({ tpm: 1_000_000_000 });
    await callAll(metering, user, 1_000);
    await metering.close();
    expect(await counted(user)).toMatchObject({ requests: 1_000, tokens: 1_000 * used });
  });

  it('is told where it stands', async () => {
    const metering = start();
    const user = caller({ rpm: 1_000_000, tpm: 1_000_000_000 });
    await callAll(metering, user, 500);
    // The calls before may just have used up what was leased; then the next one leases more.
    const { headers, calls } = await admittedUnasked(metering, user);
    const told = /^"rpm-chat";r=(\d+);t=(\d+), "tpm";r=\d+;t=\d+$/.exec(headers['ratelimit'] ?? '') ?? [];
    const [left, seconds] = [Number(told[1]), Number(told[2])];
    const { most, requests } = await counted(user);
    // In the second of two minutes it is not known how many calls the first had.
    expect(left).toBe(most === requests ? 1_000_000 - 500 - calls : left);
    expect(seconds).toBeLessThanOrEqual(60);
  });
});

describe('the limit of a minute', () => {
  it('is what two processes with many calls get together: never more, and no less', async () => {
    const user = caller({ rpm: 1_000 });
    const both = [start(), start()];
    const done = await Promise.all(both.map(async (one) => await callAll(one, user, 3_000)));
    const { requests, most } = await counted(user);
    expect(most).toBe(1_000);
    // Whatever was leased has been used: nobody stopped before being refused.
    expect(done.reduce((sum, each) => sum + each, 0)).toBe(requests);
    expect(both.reduce((sum, one) => sum + one.asked(), 0)).toBeLessThan(1_000);
  });

  it('is asked for call by call where it is small', async () => {
    const metering = start();
    const user = caller({ rpm: 200, tpm: 1_000_000_000 });
    expect(await callAll(metering, user, 150)).toBe(150);
    expect(metering.asked()).toBe(150);
    expect(await counted(user)).toMatchObject({ requests: 150 });
  });

  it('is asked for call by call where calls at once are limited, too', async () => {
    const metering = start();
    // More than all calls together: one ends for the limit only when it is settled, which nobody waits for here.
    const user = caller({ rpm: 1_000_000, concurrency: 1_000 });
    expect(await callAll(metering, user, 150)).toBe(150);
    expect(metering.asked()).toBe(150);
  });
});

describe('a budget that is given to a busy caller', () => {
  it('holds from the next look on, whatever was leased', async () => {
    const metering = start();
    const user = caller({ tpm: 1_000_000_000 });
    await callAll(metering, user, 500);
    await rows(`insert into budgets (subject_kind, subject_id, period, limit_micros) values ('user', $1, 'day', 0)`, [
      user.userId,
    ]);
    await metering.book.refresh();
    await expect(metering.admit(admissionOf(user, 5, worst))).rejects.toMatchObject({ code: 'budget_exceeded' });
  });
});

describe('a lease', () => {
  const request: AdmissionRequest = {
    callId: '',
    userId: 'user',
    keyId: null,
    limits: { rpm: 100_000 },
    worst: { micros: 0, tokens: 0 },
    least: { micros: 0, tokens: 0 },
  };
  const answer: AdmissionAnswer = {
    at: new Date('2026-01-01T00:00:50Z'),
    refusal: null,
    waitSeconds: null,
    granted: request.worst,
    rpmLeft: 50_000,
    tpmLeft: null,
    minuteSeconds: 10,
    isReserved: false,
    isBudgeted: false,
    ahead: { requests: 100, tokens: 0, rpmLeft: 49_900, tpmLeft: null },
    budget: null,
  };

  it('is over with its minute, counted from when it was asked for, and then nothing of it is given back', async () => {
    let now = 0;
    const giveBack = vi.fn(async () => undefined);
    const leases = createMinuteLeases({ now: () => now, giveBack });
    leases.answered(request, answer, now);
    now = 9_999;
    expect(leases.take(request)).not.toBeNull();
    now = 10_000;
    expect(leases.take(request)).toBeNull();
    await leases.close();
    expect(giveBack).not.toHaveBeenCalled();
  });

  it('is asked for once at a time, and again after no answer came', async () => {
    const leases = createMinuteLeases({ giveBack: async () => undefined });
    for (let call = 0; call < 100; call += 1) leases.take(request);
    expect(leases.ahead(request)).toMatchObject({ tokens: 0 });
    expect(leases.ahead(request)).toBeNull();
    leases.answered(request, null, 0);
    expect(leases.ahead(request)).not.toBeNull();
    await leases.close();
  });
});
