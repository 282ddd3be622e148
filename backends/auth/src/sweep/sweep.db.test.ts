import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { createLogger } from '#shared/log.ts';
import pg from 'pg';
import { createTestDatabase, queryRows, type TestDatabase } from '../../../../tests/support/postgres.ts';
import { silentLog } from '../../../../tests/support/silent-log.ts';
import { createSweepTasks } from '../store/sweep-tasks.ts';
import { startSweep, type RunningSweep, type SweepOptions } from './sweep.ts';

const neverMs = 3_600_000;
const days = (count: number): Date => new Date(Date.now() + count * 24 * 3_600_000);

let database: TestDatabase;
let connection: DatabaseConnection;
beforeAll(async () => {
  database = await createTestDatabase();
  // The least that can be configured: a sweep must not need a second connection to go on.
  connection = connect({ url: database.url, poolSize: 1, log: silentLog });
});
afterAll(async () => {
  await connection.close();
  await database.drop();
});

function start(options: Partial<SweepOptions> = {}): RunningSweep {
  const tasks = createSweepTasks(connection.db, { unconfirmedDays: 30 });
  return startSweep({ tasks, log: silentLog, everyMs: neverMs, ...options });
}

async function sweepAt(now: Date, options: Partial<SweepOptions> = {}): Promise<void> {
  const sweep = start({ now: () => now, ...options });
  await sweep.run();
  await sweep.stop();
}

const run = async (text: string, values: unknown[] = []) => await queryRows(database.url, text, values);

/** An account that only claims an address, as registering makes it. */
const claim = `
  with u as (insert into users (name) values ($1) returning id),
    s as (insert into password_salts values ($1 || '@example.org', '\\x00') on conflict do nothing),
    e as (insert into email_confirmations (token_hash, user_id, address, expires_at)
      select $1, id, $1 || '@example.org', now() from u)
  insert into credentials (user_id, address, email, password_hash)
  select id, $1 || '@example.org', $1 || '@example.org', 'x' from u`;
const ofUser = (name: string) => `(select id from users where name = '${name}')`;
const left = async () => await run(`select name from users where name is not null order by name`);

describe('the sweep', () => {
  it('removes accounts that nobody confirmed or used, and no other', async () => {
    const names = ['asset', 'chatting', 'confirmed', 'idle', 'keyed', 'logged-in', 'spent'];
    for (const name of names) await run(claim, [name]);
    await run(`insert into users (name, email) values ('by-admin', 'by-admin@example.org')`);
    await run(`insert into users (name) values ('mirrored')`);
    await run(`update users set email = 'confirmed@example.org' where name = 'confirmed'`);
    await run(`insert into api_keys (user_id, key_hash) values (${ofUser('keyed')}, 'hash')`);
    await run(`insert into conversations (user_id) values (${ofUser('chatting')})`);
    await run(`insert into asset_generations (user_id) values (${ofUser('asset')})`);
    await run(`insert into sessions (user_id, family_hash, current_hash, expires_at) values
      (${ofUser('logged-in')}, 'a', 'a', now() + interval '60 days'), (${ofUser('spent')}, 'b', 'b', now())`);
    await sweepAt(days(29));
    expect(await left()).toHaveLength(9);
    await sweepAt(days(31), { batchSize: 1 });
    const kept = ['asset', 'by-admin', 'chatting', 'confirmed', 'keyed', 'logged-in', 'mirrored'];
    expect(await left()).toEqual(kept.map((name) => ({ name })));
    expect(
      await run(`select address from password_salts where address in ('idle@example.org', 'keyed@example.org')`),
    ).toEqual([{ address: 'keyed@example.org' }]);
  });

  it('removes sessions, codes and attempts that are over, and none that is not', async () => {
    await run(`insert into users (name, email) values ('owner', 'owner@example.org')`);
    await run(`insert into sessions (user_id, family_hash, current_hash, expires_at) values
      (${ofUser('owner')}, 'old', 'old', now() - interval '31 days'), (${ofUser('owner')}, 'late', 'late', now() - interval '29 days')`);
    await run(`insert into password_codes (token_hash, user_id, address, expires_at) values
      ('old', ${ofUser('owner')}, 'o', now() - interval '25 hours'), ('late', ${ofUser('owner')}, 'o', now() - interval '1 hour')`);
    await run(
      `insert into attempts values ('old', now() - interval '1 second'), ('late', now() + interval '1 minute')`,
    );
    await sweepAt(new Date());
    for (const [table, column] of [
      ['sessions', 'family_hash'],
      ['password_codes', 'token_hash'],
      ['attempts', 'name'],
    ]) {
      expect(await run(`select ${column} as name from ${table} where ${column} in ('old', 'late')`)).toEqual([
        { name: 'late' },
      ]);
    }
  });

  it('forgets old revocations, of ended sessions later, and never the newest', async () => {
    await run(`insert into revocations (kind, subject_id, created_at) values
      ('session', 'long-ended', now() - interval '181 days'), ('session', 'ended', now() - interval '170 days'),
      ('key', 'old', now() - interval '3 days'), ('key', 'young', now() - interval '1 day')`);
    await sweepAt(new Date());
    expect(await run('select subject_id from revocations order by sequence')).toEqual([
      { subject_id: 'ended' },
      { subject_id: 'young' },
    ]);
    await sweepAt(days(1_000));
    expect(await run('select subject_id from revocations')).toEqual([{ subject_id: 'young' }]);
  });

  it('works in batches until nothing is left, and leaves to their holders the rows that somebody holds', async () => {
    await run(`insert into attempts select 'many-' || n, now() - interval '1 hour' from generate_series(1, 1200) n`);
    const holder = new pg.Client({ connectionString: database.url });
    await holder.connect();
    await holder.query(`begin; select from attempts where name = 'many-600' for update`);
    const lines: string[] = [];
    const log = createLogger({ service: 'auth', level: 'info', write: (line) => void lines.push(line) });
    await sweepAt(new Date(), { log });
    expect(await run(`select name from attempts where name like 'many-%'`)).toEqual([{ name: 'many-600' }]);
    expect(lines.join()).toContain('"count":1199');
    await holder.end();
  });

  it('leaves the work to a process that is at it', async () => {
    await run(`insert into attempts values ('contended', now() - interval '1 hour')`);
    const other = new pg.Client({ connectionString: database.url });
    await other.connect();
    await other.query(`begin; select pg_advisory_xact_lock(hashtextextended('gaia auth sweep', 0))`);
    await sweepAt(new Date());
    expect(await run(`select name from attempts where name = 'contended'`)).toHaveLength(1);
    await other.end();
    await sweepAt(new Date());
    expect(await run(`select name from attempts where name = 'contended'`)).toEqual([]);
  });

  it('comes by itself, survives what fails, and stops between two batches', async () => {
    const failing = Promise.withResolvers<void>();
    const turns: string[] = [];
    const twice = Promise.withResolvers<void>();
    const sweep = startSweep({
      tasks: [
        {
          name: 'task',
          remove: async (_now, limit) => {
            turns.push('turn');
            if (turns.length === 1) throw new Error('not now');
            twice.resolve();
            await failing.promise;
            return limit;
          },
        },
      ],
      log: silentLog,
      everyMs: 5,
    });
    await twice.promise;
    const stopped = sweep.stop();
    failing.resolve();
    await stopped;
    expect(turns).toHaveLength(2);
    await sweep.run();
    expect(turns).toHaveLength(2);
  });
});
