import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createFaultProxy, type FaultProxy } from '../../../../tests/support/fault-proxy.ts';
import { createTestDatabase, queryRows, type TestDatabase } from '../../../../tests/support/postgres.ts';
import {
  admissionOf,
  caller,
  fieldOf,
  outcomeOf,
  startMeteredProcess,
  type MeteredProcess,
  type MeteredProcessOptions,
} from '../testing/metered.ts';

let database: TestDatabase;
let proxy: FaultProxy;
let proxied: string;
const running: MeteredProcess[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  const url = new URL(database.url);
  proxy = await createFaultProxy({ targetPort: Number(url.port) });
  url.host = `127.0.0.1:${proxy.port}`;
  proxied = url.href;
});
afterEach(async () => {
  vi.restoreAllMocks();
  await proxy.set({});
  for (const metering of running.splice(0)) await metering.close();
});
afterAll(async () => {
  await proxy.close();
  await database.drop();
});

const start = (options: Partial<MeteredProcessOptions> = {}): MeteredProcess => {
  const metering = startMeteredProcess({ url: proxied, ...options });
  running.push(metering);
  return metering;
};
const rows = async (text: string, values: unknown[] = []): Promise<unknown[]> =>
  await queryRows(database.url, text, values);
const countOf = async (userId: string): Promise<unknown> =>
  fieldOf((await rows('select count(*)::int as n from usage_events where user_id = $1', [userId]))[0], 'n');
const quick = { recorder: { retryMs: { first: 5, most: 20 } } };

describe('round trips to the database', () => {
  it('are none before the call of a caller without limits, and one for any other', async () => {
    const metering = start({ bookOptions: { pollMs: 3_600_000 } });
    await metering.book.refresh();
    const [free, limited] = [caller(), caller({ concurrency: 100 })];
    await metering.admit(admissionOf(free)); // The first time anybody hears of it.
    const query = vi.spyOn(pg.Client.prototype, 'query');
    const admitted = await metering.admit(admissionOf(free));
    expect(query).toHaveBeenCalledTimes(0);
    expect(admitted).toMatchObject({ isReserved: false, headers: {} });
    await metering.admit(admissionOf(limited));
    expect(query).toHaveBeenCalledTimes(1);
    await Promise.all(Array.from({ length: 50 }, async () => await metering.admit(admissionOf(limited))));
    expect(query).toHaveBeenCalledTimes(2);
    await metering.settle(admitted, outcomeOf());
    expect(query).toHaveBeenCalledTimes(3);
  });

  it('are fewer where calls end all the time, but none is saved on a caller who may have to wait for it', async () => {
    const metering = start({ recorder: { pauseMs: 3_600_000 }, bookOptions: { pollMs: 3_600_000 } });
    await metering.book.refresh();
    const [free, limited] = [caller(), caller({ concurrency: 1 })];
    const calls = await Promise.all([free, free, limited].map(async (of) => await metering.admit(admissionOf(of))));
    const settle = async (place: number): Promise<void> => {
      const admitted = calls[place];
      if (admitted) await metering.settle(admitted, outcomeOf());
    };
    const query = vi.spyOn(pg.Client.prototype, 'query');
    const first = settle(0);
    await new Promise(setImmediate);
    const second = settle(1);
    await first;
    await new Promise(setImmediate);
    expect(query).toHaveBeenCalledTimes(1);
    await Promise.all([settle(2), second]);
    expect(query).toHaveBeenCalledTimes(2);
    await metering.settle(await metering.admit(admissionOf(limited)), outcomeOf());
  });
});

describe('the record of a call', () => {
  it('has every call, also those that failed, broke or were cancelled, once however often it is told', async () => {
    const metering = start();
    const user = caller({ concurrency: 10 });
    const outcomes = [
      outcomeOf(7, 3),
      outcomeOf(0, 0, { status: 'failed', errorCode: 'upstream_timeout', firstByteMs: null }),
      outcomeOf(2, 1, { status: 'broken', errorCode: 'upstream_failed', isEstimated: true }),
      outcomeOf(1, 1, { status: 'cancelled' }),
    ];
    for (const outcome of outcomes) {
      const admitted = await metering.admit(admissionOf(user));
      await Promise.all([metering.settle(admitted, outcome), metering.settle(admitted, outcome)]);
      await metering.settle(admitted, outcome);
    }
    const events = await rows(
      `select status, cost_micros::int as cost, error_code, is_estimated, first_byte_ms from usage_events
       where user_id = $1 order by at, status`,
      [user.userId],
    );
    expect(events).toEqual([
      { status: 0, cost: 7, error_code: null, is_estimated: false, first_byte_ms: 5 },
      { status: 1, cost: 0, error_code: 'upstream_timeout', is_estimated: false, first_byte_ms: null },
      { status: 2, cost: 2, error_code: 'upstream_failed', is_estimated: true, first_byte_ms: 5 },
      { status: 3, cost: 1, error_code: null, is_estimated: false, first_byte_ms: 5 },
    ]);
    const days = await rows(
      `select sum(calls)::int as calls, sum(failed_calls)::int as failed, sum(cancelled_calls)::int as cancelled,
         sum(cost_micros)::int as cost, sum(output_tokens)::int as output from usage_days where user_id = $1`,
      [user.userId],
    );
    expect(days).toEqual([{ calls: 4, failed: 2, cancelled: 1, cost: 10, output: 5 }]);
    expect(await rows('select from reservations where user_id = $1', [user.userId])).toEqual([]);
  });

  it('takes at most 300 bytes, whatever is said, and about 200 as a rule', async () => {
    const metering = start();
    const [long, usual] = [caller(), caller()];
    const text = 'x'.repeat(200);
    const most = { operation: text, provider: text, model: text, errorCode: text, requestId: text, isEstimated: true };
    await metering.settle(
      await metering.admit(admissionOf(long)),
      outcomeOf(1e12, 1e12, { ...most, durationMs: 1e12 }),
    );
    const model = 'claude-sonnet-4-5-20250929';
    await metering.settle(
      await metering.admit(admissionOf(usual)),
      outcomeOf(1, 1, { model, requestId: 'r'.repeat(24) }),
    );
    const sizes = await rows(
      `select pg_column_size(e.*) as bytes from usage_events e where user_id = any($1) order by 1 desc`,
      [[long.userId, usual.userId]],
    );
    const [largest = 0, ordinary = 0] = sizes.map((row) => Number(fieldOf(row, 'bytes')));
    expect(largest).toBeLessThanOrEqual(300);
    expect(largest).toBeGreaterThan(250);
    expect(ordinary).toBeLessThanOrEqual(210);
  });

  it('is not lost through another one that no table can hold', async () => {
    const metering = start();
    const user = caller();
    const admissions = await Promise.all(
      Array.from({ length: 3 }, async () => await metering.admit(admissionOf(user))),
    );
    const outcomes = [outcomeOf(1), outcomeOf(1, 1, { costMicros: 1.5 }), outcomeOf(1)];
    await Promise.all(
      admissions.map(async (admitted, i) => await metering.settle(admitted, outcomes[i] ?? outcomeOf())),
    );
    expect(await countOf(user.userId)).toBe(2);
    expect(metering.logLines.join()).toContain('a call was never recorded');
  });
});

describe('while the database is away', () => {
  it.each(['down', 'reset', 'timeout'] as const)(
    'callers with limits are refused as unavailable, others go on and are recorded once afterwards: %s',
    async (state) => {
      const metering = start({ ...quick, poolSize: 2 });
      const [free, limited] = [caller(), caller({ rpm: 1_000 })];
      await Promise.all([free, limited].map(async (user) => await metering.admit(admissionOf(user))));
      await metering.book.refresh();
      await proxy.set({ state });
      const settled = Array.from({ length: 20 }, async () => {
        await metering.settle(await metering.admit(admissionOf(free)), outcomeOf(3));
      });
      await expect(metering.admit(admissionOf(limited))).rejects.toMatchObject({ code: 'unavailable' });
      expect(await countOf(free.userId)).toBe(0);
      await proxy.set({});
      await Promise.all(settled);
      expect(await countOf(free.userId)).toBe(20);
      expect(await rows('select sum(cost_micros)::int as n from usage_days where user_id = $1', [free.userId])).toEqual(
        [{ n: 60 }],
      );
    },
    60_000,
  );

  it('a recording whose answer got lost is not made twice', async () => {
    const metering = start({ ...quick, poolSize: 1, bookOptions: { pollMs: 3_600_000 } });
    await metering.book.refresh();
    const user = caller();
    const admitted = await metering.admit(admissionOf(user));
    await proxy.set({ cutAfterBytes: 0 });
    let isTold = false;
    const settled = metering.settle(admitted, outcomeOf(3)).then(() => (isTold = true));
    await vi.waitUntil(async () => (await countOf(user.userId)) === 1);
    expect(isTold).toBe(false);
    await proxy.set({});
    await settled;
    expect(await countOf(user.userId)).toBe(1);
    expect(await rows('select cost_micros::int as n from usage_days where user_id = $1', [user.userId])).toEqual([
      { n: 3 },
    ]);
  });

  it('no call begins once too many wait for being recorded, and all are recorded afterwards', async () => {
    const metering = start({ recorder: { ...quick.recorder, maxWaiting: 30 } });
    const user = caller();
    await metering.admit(admissionOf(user));
    await metering.book.refresh();
    await proxy.set({ state: 'down' });
    const settled: Promise<void>[] = [];
    for (let i = 0; i < 30; i++) settled.push(metering.settle(await metering.admit(admissionOf(user)), outcomeOf()));
    await expect(metering.admit(admissionOf(user))).rejects.toMatchObject({ code: 'unavailable' });
    expect(await countOf(user.userId)).toBe(0);
    await proxy.set({});
    await Promise.all(settled);
    expect(await countOf(user.userId)).toBe(settled.length);
    await metering.admit(admissionOf(user));
  });

  it('nobody is taken for free once it is unknown for 35 seconds who has a budget', async () => {
    let clock = 0;
    const metering = start({ bookOptions: { now: () => clock, pollMs: 3_600_000 } });
    const user = caller();
    await metering.book.refresh();
    await metering.admit(admissionOf(user));
    await proxy.set({ state: 'down' });
    clock = 34_999;
    await metering.admit(admissionOf(user));
    clock = 35_001;
    await expect(metering.admit(admissionOf(user))).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('stopping', () => {
  it('writes what waits', async () => {
    const metering = startMeteredProcess({ url: proxied });
    const user = caller();
    const admitted = await Promise.all(
      Array.from({ length: 250 }, async () => await metering.admit(admissionOf(user))),
    );
    for (const one of admitted) void metering.settle(one, outcomeOf());
    await metering.close();
    expect(await countOf(user.userId)).toBe(250);
  });

  it('does not wait for a database that does not come back, and says what was lost', async () => {
    const metering = startMeteredProcess({ url: proxied, closeMs: 50, ...quick });
    const user = caller();
    const admitted = await metering.admit(admissionOf(user));
    await proxy.set({ state: 'down' });
    const settled = metering.settle(admitted, outcomeOf(0, 0, { requestId: 'req_lost' }));
    await metering.close();
    await settled;
    expect(metering.logLines.join()).toMatch(/a call was never recorded.*req_lost/);
  });
});

describe('a user or key that is not ours', () => {
  it.each([{ userId: 'user-1' }, { keyId: 'key-1' }])('gets nothing: %o', async (ids) => {
    const metering = start();
    await expect(metering.admit(admissionOf(caller({}, ids)))).rejects.toMatchObject({ code: 'insufficient_scope' });
    await expect(metering.admit({ ...admissionOf(caller(), NaN), callId: randomUUID() })).rejects.toThrow('a number');
  });
});
