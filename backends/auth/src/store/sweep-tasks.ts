import { sql, type SQL } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import type { SweepTask } from '../sweep/sweep.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** For how long what is over is kept, so that a late question still gets its proper answer. */
export const sweepAges = {
  /** A spent code says "not any more" either way. */
  codesMs: dayMs,
  /** A spent refresh token that shows up later is told from a guess, and ends nothing any more. */
  sessionsMs: 30 * dayMs,
  /** Longer than any reader's window and any token's life. */
  revocationsMs: 2 * dayMs,
  /** Supabase's sessions have no end of their own, and this is the only place that says that one was ended. */
  endedSessionsMs: 180 * dayMs,
} as const;

export type SweepTasksOptions = { unconfirmedDays: number };

/** What is over in the tables of this backend. A row that somebody holds at this moment is left for the next time. */
export function createSweepTasks(db: Database, { unconfirmedDays }: SweepTasksOptions): SweepTask[] {
  const task = (name: string, statement: (now: Date, limit: number) => SQL): SweepTask => ({
    name,
    remove: async (now, limit) =>
      await alone(db, async (tx) => (await tx.execute(statement(now, limit))).rowCount ?? 0),
  });
  const expired = (table: string, column: string, ageMs: number) => (now: Date, limit: number) =>
    sql`
    delete from ${sql.identifier(table)} where ctid = any (array(
      select ctid from ${sql.identifier(table)}
      where ${sql.identifier(column)} < ${before(now, ageMs)}
      limit ${limit} for update skip locked))`;
  return [
    task('email_confirmations', expired('email_confirmations', 'expires_at', sweepAges.codesMs)),
    task('password_codes', expired('password_codes', 'expires_at', sweepAges.codesMs)),
    task('sessions', expired('sessions', 'expires_at', sweepAges.sessionsMs)),
    task('attempts', expired('attempts', 'free_at', 0)),
    task('revocations', oldRevocations),
    {
      name: 'users',
      remove: async (now, limit) =>
        await alone(db, async (tx) => await removeUnconfirmed(tx, { now, unconfirmedDays, limit })),
    },
  ];
}

/** By a lock of the database, for one batch: of all processes one removes at a time, and one that dies holds nobody up. */
async function alone(db: Database, work: (tx: Database) => Promise<number>): Promise<number> {
  return await db.transaction(async (tx) => {
    const { rows } = await tx.execute<{ isMine: boolean }>(
      sql`select pg_try_advisory_xact_lock(hashtextextended('gaia auth sweep', 0)) as "isMine"`,
    );
    return rows[0]?.isMine ? await work(tx) : 0;
  });
}

/** The newest stays, whatever its age: readers of the feed know by it where they are. */
function oldRevocations(now: Date, limit: number): SQL {
  return sql`
    delete from revocations where sequence = any (array(
      select sequence from revocations
      where created_at < ${before(now, sweepAges.revocationsMs)}
        and (kind <> 'session' or created_at < ${before(now, sweepAges.endedSessionsMs)})
        and sequence < (select max(sequence) from revocations)
      order by created_at limit ${limit} for update skip locked))`;
}

type Unconfirmed = { now: Date; unconfirmedDays: number; limit: number };

/**
 * Accounts that only ever claimed an address: with a password, without the address, without a key, a session that could
 * go on, or anything else in any table that refers to users. Which tables do is asked of the database, so that one that
 * is added later counts by itself; what belongs to the account itself (its password, codes and spent sessions) does not.
 */
async function removeUnconfirmed(db: Database, { now, unconfirmedDays, limit }: Unconfirmed): Promise<number> {
  const { rows } = await db.execute<{ relation: string; column: string }>(sql`
    select c.conrelid::regclass::text as relation, a.attname as column
    from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
    where c.contype = 'f' and c.confrelid = 'users'::regclass and array_length(c.conkey, 1) = 1
      and c.conrelid not in ('credentials'::regclass, 'email_confirmations'::regclass, 'password_codes'::regclass,
        'sessions'::regclass)`);
  const owned = rows.map(
    ({ relation, column }) =>
      sql`and not exists (select from ${sql.raw(relation)} o where o.${sql.identifier(column)} = u.id)`,
  );
  const { rows: gone } = await db.execute(sql`
    with over as materialized (
      select u.id, c.address from users u join credentials c on c.user_id = u.id
      where u.email is null and u.created_at < ${before(now, unconfirmedDays * dayMs)} and u.role = 'user'
        and not exists (
          select from sessions s where s.user_id = u.id and s.revoked_at is null and s.expires_at > ${before(now, 0)})
        ${sql.join(owned, sql` `)}
      limit ${limit} for update of u skip locked
    ), unused as (
      delete from password_salts p where p.address in (select address from over) and not exists (
        select from credentials c where c.address = p.address and c.user_id not in (select id from over))
    )
    delete from users where id in (select id from over) returning id`);
  return gone.length;
}

function before(now: Date, ageMs: number): SQL {
  return sql`${new Date(now.getTime() - ageMs).toISOString()}::timestamptz`;
}
