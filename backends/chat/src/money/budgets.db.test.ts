import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { admissionOf, caller, fieldOf, outcomeOf, tally } from '../testing/metered.ts';
import { useMeteredDatabase } from '../../../../tests/support/metered-database.ts';

const { start, rows } = useMeteredDatabase();
const giveBudget = async (kind: 'key' | 'user', id: string | null, micros: number, period = 'month'): Promise<void> => {
  await rows(
    `insert into budgets (subject_kind, subject_id, period, limit_micros) values ($1, $2, $3, $4)
     on conflict (subject_kind, subject_id) do update set period = excluded.period, limit_micros = excluded.limit_micros`,
    [kind, id, period, micros],
  );
};
const spentOf = async (id: string | null): Promise<unknown[]> =>
  await rows('select period, spent_micros::int as spent from budget_windows where subject_id = $1', [id]);
const held = async (userId: string): Promise<unknown[]> =>
  await rows('select micros::int from reservations where user_id = $1', [userId]);

describe('a budget', () => {
  it('with room for ten admits ten of 200 parallel calls through two processes, and is never overspent', async () => {
    const user = caller();
    await giveBudget('key', user.keyId, 1_000);
    const both = [start(), start()];
    for (const metering of both) await metering.settle(await metering.admit(admissionOf(user)), outcomeOf());
    const calls = Array.from({ length: 200 }, async (_, i) => {
      const metering = both[i % 2] ?? start();
      await metering.settle(await metering.admit(admissionOf(user, 100)), outcomeOf(100));
    });
    expect(await tally(calls)).toEqual({ done: 10, codes: ['budget_exceeded'] });
    expect(await spentOf(user.keyId)).toEqual([{ period: 'month', spent: 1_000 }]);
    expect(await held(user.userId)).toEqual([]);
  });

  it('gives back what a call did not use, and nothing more', async () => {
    const user = caller();
    await giveBudget('user', user.userId, 1_000, 'total');
    const metering = start();
    const first = await metering.admit(admissionOf(user, 900));
    await expect(metering.admit(admissionOf(user, 200))).rejects.toMatchObject({
      code: 'budget_exceeded',
      message:
        'The budget of this user, 0.001 USD in total, is held back by calls that still run; please try again when one of them is over',
      options: { retryAfterSeconds: 1, headers: {} },
    });
    await metering.settle(first, outcomeOf(100, 0, { status: 'failed', errorCode: 'upstream_failed' }));
    await metering.settle(await metering.admit(admissionOf(user, 900)), outcomeOf(900));
    await expect(metering.admit(admissionOf(user, 1))).rejects.toMatchObject({ code: 'budget_exceeded' });
    expect(await spentOf(user.userId)).toEqual([{ period: 'total', spent: 1_000 }]);
  });

  it('holds for all keys and sessions of a user together, and a key’s own beside it', async () => {
    const one = caller();
    const two = caller({}, { userId: one.userId });
    const session = caller({}, { userId: one.userId, keyId: null });
    await giveBudget('user', one.userId, 300);
    await giveBudget('key', two.keyId, 100);
    const metering = start();
    await metering.admit(admissionOf(one, 100));
    await metering.admit(admissionOf(two, 100));
    await expect(metering.admit(admissionOf(two, 1))).rejects.toThrow(/budget of this key, 0\.0001 USD a month/);
    await metering.admit(admissionOf(session, 100));
    await expect(metering.admit(admissionOf(one, 1))).rejects.toThrow(/budget of this user/);
  });

  it('given in mid-month counts what was spent before it, by other keys and other months not', async () => {
    const user = caller();
    const other = caller({}, { userId: user.userId });
    const metering = start();
    await metering.settle(await metering.admit(admissionOf(user, 400)), outcomeOf(400));
    await metering.settle(await metering.admit(admissionOf(other, 300)), outcomeOf(300));
    const longAgo = { ...(await metering.admit(admissionOf(user))), at: new Date(Date.now() - 40 * 86_400_000) };
    await metering.settle(longAgo, outcomeOf(5_000));
    await giveBudget('key', user.keyId, 1_000);
    await metering.book.refresh();
    await expect(metering.admit(admissionOf(user, 601))).rejects.toMatchObject({ code: 'budget_exceeded' });
    await metering.admit(admissionOf(user, 600));
    await giveBudget('key', user.keyId, 10_000, 'total');
    expect((await metering.admit({ ...admissionOf(user, 99_999), least: { micros: 1, tokens: 0 } })).granted).toEqual({
      micros: 10_000 - 5_400 - 600,
      tokens: 0,
    });
  });

  it('grants what is left where a call makes do with less than its worst, and holds back no more', async () => {
    const user = caller();
    await giveBudget('key', user.keyId, 1_000);
    const metering = start();
    const least = { micros: 300, tokens: 5 };
    const first = await metering.admit({ ...admissionOf(user, 700, 50), least });
    const second = await metering.admit({ ...admissionOf(user, 700, 50), least });
    expect([first.granted, second.granted]).toEqual([
      { micros: 700, tokens: 50 },
      { micros: 300, tokens: 50 },
    ]);
    await expect(metering.admit({ ...admissionOf(user, 700), least })).rejects.toMatchObject({
      code: 'budget_exceeded',
    });
    expect(await held(user.userId)).toEqual([{ micros: 700 }, { micros: 300 }]);
  });

  it('charges the window in which a call was admitted, however late it ends', async () => {
    const user = caller();
    await giveBudget('key', user.keyId, 1_000, 'day');
    const metering = start();
    const admitted = await metering.admit(admissionOf(user, 100));
    const yesterday = new Date(admitted.at.getTime() - 86_400_000);
    await metering.settle({ ...admitted, at: yesterday }, outcomeOf(100));
    expect(await spentOf(user.keyId)).toEqual([{ period: 'day', spent: 0 }]);
    const days = await rows(`select day::text, cost_micros::int from usage_days where user_id = $1`, [user.userId]);
    expect(days).toEqual([{ day: yesterday.toISOString().slice(0, 10), cost_micros: 100 }]);
  });

  it('that is used up admits what is free, and tells for how long to stay away', async () => {
    const user = caller();
    await giveBudget('key', user.keyId, 100, 'day');
    const metering = start();
    await metering.settle(await metering.admit(admissionOf(user, 100)), outcomeOf(150));
    await metering.admit(admissionOf(user, 0));
    const untilMidnight = Math.ceil((new Date().setUTCHours(24, 0, 0, 0) - Date.now()) / 1_000);
    const refused = await metering.admit(admissionOf(user, 1)).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'budget_exceeded',
      message: 'The budget of this key, 0.0001 USD a day (UTC), has not enough left for this request',
      options: { headers: { 'x-should-retry': 'false' } },
    });
    expect(refused).toHaveProperty('options.retryAfterSeconds', expect.closeTo(untilMidnight, -1));
  });

  it('of a key follows its limits, in the same transaction, and one that nobody can read allows nothing', async () => {
    const [user] = await rows(`insert into users (email) values ($1) returning id`, [randomUUID()]);
    const userId = String(fieldOf(user, 'id'));
    const key = async (limits: unknown): Promise<string> => {
      const [row] = await rows(
        'insert into api_keys (user_id, key_hash, limits) values ($1, $2, $3::jsonb) returning id',
        [userId, randomUUID(), JSON.stringify(limits)],
      );
      return String(fieldOf(row, 'id'));
    };
    const budget = async (id: string): Promise<unknown[]> =>
      await rows('select period, limit_micros::int as micros from budgets where subject_id = $1', [id]);
    const id = await key({ rpm: 5, budget: { usd: 1.25, window: 'day' } });
    expect(await budget(id)).toEqual([{ period: 'day', micros: 1_250_000 }]);
    await rows(`update api_keys set limits = '{"budget": {"usd": 0.000001, "window": "total"}}' where id = $1`, [id]);
    expect(await budget(id)).toEqual([{ period: 'total', micros: 1 }]);
    await rows(`update api_keys set limits = '{"rpm": 5}' where id = $1`, [id]);
    expect(await budget(id)).toEqual([{ period: 'total', micros: null }]);
    expect(await budget(await key({ rpm: 5 }))).toEqual([]);
    for (const unreadable of [{ usd: '5', window: 'day' }, { usd: 5 }, { usd: -1, window: 'day' }, 'much', []]) {
      expect(await budget(await key({ budget: unreadable }))).toEqual([{ period: 'total', micros: 0 }]);
    }
    const gone = await key({ budget: { usd: 1, window: 'day' } });
    await rows('delete from api_keys where id = $1', [gone]);
    expect(await budget(gone)).toEqual([{ period: 'day', micros: null }]);
  });
});
