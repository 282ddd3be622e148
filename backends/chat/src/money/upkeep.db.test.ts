import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { createTestDatabase, queryRows, type TestDatabase } from '../../../../tests/support/postgres.ts';
import { silentLog } from '../../../../tests/support/silent-log.ts';
import { createMeteringUpkeep } from '../store/metering-upkeep.ts';
import { admissionOf, caller, outcomeOf, startMeteredProcess, type MeteredProcess } from '../testing/metered.ts';
import { startUpkeep, type Upkeep, type UpkeepOptions } from './upkeep.ts';

let database: TestDatabase;
let connections: DatabaseConnection[];
let metering: MeteredProcess;
const upkeeps: Upkeep[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  connections = [0, 1].map(() => connect({ url: database.url, poolSize: 2, log: silentLog }));
  metering = startMeteredProcess({ url: database.url });
});
afterEach(async () => {
  for (const upkeep of upkeeps.splice(0)) await upkeep.stop();
});
afterAll(async () => {
  await metering.close();
  for (const connection of connections) await connection.close();
  await database.drop();
});

const rows = async (text: string, values: unknown[] = []): Promise<unknown[]> =>
  await queryRows(database.url, text, values);
const works = () => connections.map(({ db }) => createMeteringUpkeep({ db, retentionMonths: 13 }));
const expire = async (userId: string): Promise<void> =>
  void (await rows(`update reservations set expires_at = now() - interval '1 second' where user_id = $1`, [userId]));
const held = async (userId: string): Promise<number> =>
  (await rows('select from reservations where user_id = $1', [userId])).length;

describe('what a killed process held', () => {
  it('holds nothing back once its lease is over, is swept once, and is on record as lost at no cost', async () => {
    const user = caller({ concurrency: 10 });
    await rows(`insert into budgets (subject_kind, subject_id, period, limit_micros) values ('key', $1, 'day', 1000)`, [
      user.keyId,
    ]);
    const child = spawn(process.execPath, [
      fileURLToPath(new URL('../testing/holding-process.ts', import.meta.url)),
      database.url,
      user.userId,
      String(user.keyId),
      '10',
      '100',
    ]);
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await held(user.userId)).toBe(10);
    await expect(metering.admit(admissionOf(user))).rejects.toMatchObject({ code: 'rate_limited' });

    await expire(user.userId);
    const unswept = await metering.admit(admissionOf(user, 1_000));
    await metering.settle(unswept, outcomeOf(0));

    const swept = await Promise.all(works().map(async ({ sweep }) => await sweep()));
    expect(swept.reduce((sum, count) => sum + count, 0)).toBe(10);
    expect(await held(user.userId)).toBe(0);
    const events = await rows(
      `select status, sum(cost_micros)::int as cost, count(*)::int from usage_events where user_id = $1 group by 1 order by 1`,
      [user.userId],
    );
    expect(events).toEqual([
      { status: 0, cost: 0, count: 1 },
      { status: 4, cost: 0, count: 10 },
    ]);
  });

  it('is left to whoever is at it, and nobody waits for that', async () => {
    const user = caller({ concurrency: 10 });
    const admitted = await Promise.all([0, 1].map(async () => await metering.admit(admissionOf(user))));
    await expire(user.userId);
    const busy = new pg.Client({ connectionString: database.url });
    await busy.connect();
    try {
      await busy.query('begin');
      await busy.query('select from reservations where call_id = $1 for update', [admitted[0]?.callId]);
      expect(await works()[0]?.sweep()).toBe(1);
      await busy.query('rollback');
    } finally {
      await busy.end();
    }
    expect(await works()[0]?.sweep()).toBe(1);
  });

  it('stays held while the lease lasts', async () => {
    const user = caller({ concurrency: 1 });
    await metering.admit(admissionOf(user));
    expect(await works()[0]?.sweep()).toBe(0);
    expect(await held(user.userId)).toBe(1);
  });
});

describe('a call that was taken for lost and comes back', () => {
  it('is charged after all, once', async () => {
    const user = caller();
    await rows(`insert into budgets (subject_kind, subject_id, period, limit_micros) values ('key', $1, 'day', 1000)`, [
      user.keyId,
    ]);
    const admitted = await metering.admit(admissionOf(user, 700));
    await expire(user.userId);
    expect(await works()[0]?.sweep()).toBe(1);
    await metering.settle(admitted, outcomeOf(600, 5));
    await metering.settle(admitted, outcomeOf(600, 5));
    expect(
      await rows('select status, cost_micros::int as cost from usage_events where user_id = $1', [user.userId]),
    ).toEqual([{ status: 0, cost: 600 }]);
    expect(
      await rows('select calls::int, cost_micros::int as cost from usage_days where user_id = $1', [user.userId]),
    ).toEqual([{ calls: 1, cost: 600 }]);
    await expect(metering.admit(admissionOf(user, 401))).rejects.toMatchObject({ code: 'budget_exceeded' });
  });
});

describe('the upkeep', () => {
  const start = (work: Partial<UpkeepOptions>): Upkeep => {
    const parts = { sweep: async () => 0, tidy: async () => undefined, log: silentLog, sweepMs: 3_600_000 };
    const upkeep = startUpkeep({ ...parts, ...work });
    upkeeps.push(upkeep);
    return upkeep;
  };

  it('sweeps and tidies at start, and tidies again only when it is due or failed', async () => {
    const sweep = vi.fn<() => Promise<number>>(async () => 0);
    const tidy = vi.fn<() => Promise<void>>().mockRejectedValueOnce(new Error('away')).mockResolvedValue(undefined);
    const upkeep = start({ sweep, tidy });
    await upkeep.run();
    expect([sweep.mock.calls.length, tidy.mock.calls.length]).toEqual([1, 1]);
    await upkeep.run();
    await upkeep.run();
    expect([sweep.mock.calls.length, tidy.mock.calls.length]).toEqual([3, 2]);
  });

  it('goes on by itself', async () => {
    let swept = 0;
    start({ sweepMs: 1, sweep: async () => await Promise.resolve((swept += 1)) });
    await vi.waitUntil(() => swept >= 3);
    expect(swept).toBeGreaterThanOrEqual(3);
  });

  it('removes what nothing reads any more, and only that', async () => {
    const ids = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
    await rows(
      `insert into minute_counters values (now() - interval '6 minutes', $1, 1, 1), (date_trunc('minute', now()), $2, 1, 1)`,
      ids,
    );
    await rows(
      `insert into budget_windows values ('key', $1, 'day', now() - interval '63 days', 1), ('key', $1, 'total', 'epoch', 1),
         ('key', $2, 'month', date_trunc('month', now()), 1)`,
      ids,
    );
    await rows(
      `insert into budgets (subject_kind, subject_id, period, limit_micros) values ('user', $1, 'day', null), ('user', $2, 'day', null)`,
      ids,
    );
    await rows(`alter table budgets disable trigger stamp_budget`);
    await rows(`update budgets set changed_at = now() - interval '2 days' where subject_id = $1`, [ids[0]]);
    await rows(`alter table budgets enable trigger stamp_budget`);
    const [work] = works();
    await work?.sweep();
    await work?.tidy();
    expect(await rows('select subject_id as id from minute_counters where subject_id = any($1)', [ids])).toEqual([
      { id: ids[1] },
    ]);
    expect(await rows('select period from budget_windows where subject_id = any($1) order by period', [ids])).toEqual([
      { period: 'month' },
      { period: 'total' },
    ]);
    expect(await rows('select subject_id as id from budgets where subject_id = any($1)', [ids])).toEqual([
      { id: ids[1] },
    ]);
  });
});
