import { and, eq, lte, sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '../db/connect.ts';
import { idempotencyKeys as keys } from '../db/idempotency-table.ts';
import type { Slot } from './idempotent-request.ts';
import type { Taken } from './run.ts';

export type Answer = { status: number; headers: Readonly<Record<string, string>>; bytes: Uint8Array };

/** Who runs the request of a slot; a new one for every attempt. */
export type Lease = Slot & { owner: string };

export type Standing =
  | { kind: 'free' }
  | { kind: 'running'; requestHash: string; isAbandoned: boolean }
  /** A null answer was too large to keep. */
  | { kind: 'done'; requestHash: string; answer: Answer | null };

export type IdempotencyStore = {
  /** Takes a slot that is free, expired, or whose last owner of the same request has gone silent. */
  claim: (lease: Lease, requestHash: string) => Promise<Taken | null>;
  find: (slot: Slot) => Promise<Standing>;
  /** Asks whoever runs the request to say when it is over. */
  awaitEnd: (slot: Slot) => Promise<void>;
  /** Gives the owners whose leases still hold. */
  renew: (leases: readonly Lease[]) => Promise<ReadonlySet<string>>;
  /** False: somebody else has taken over, and nothing was changed. */
  finish: (lease: Lease, answer: Omit<Answer, 'bytes'> & { bytes: Uint8Array | null }) => Promise<boolean>;
  /** Forgets the attempt; the next duplicate runs anew. */
  release: (lease: Lease) => Promise<void>;
  /** Removes expired rows and says how many. */
  sweep: (limit: number) => Promise<number>;
};

export type IdempotencyStoreOptions = { db: Database; leaseSeconds?: number; keepSeconds?: number };

/** Duplicates that wait are told here; the payload is the id of the slot. */
export const endsChannel = 'gaia_idempotency';

const HeadersSchema = z.record(z.string(), z.string());
const day = 86_400;

/** Every change asks for the owner, so that one that was taken for dead cannot overwrite its successor. */
export function createIdempotencyStore(options: IdempotencyStoreOptions): IdempotencyStore {
  const { db, leaseSeconds = 20, keepSeconds = day } = options;
  return {
    claim: (lease, requestHash) => claim(db, { ...lease, requestHash, leaseSeconds, keepSeconds }),
    find: (slot) => find(db, slot),
    awaitEnd: async (slot) => {
      await db
        .update(keys)
        .set({ isAwaited: true })
        .where(and(isIn(slot), eq(keys.state, 'running'), eq(keys.isAwaited, false)));
    },
    renew: (leases) => renew(db, leases, leaseSeconds),
    finish: async (lease, { status, headers, bytes }) => {
      const response = bytes && Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const ended = db
        .update(keys)
        .set({ state: 'done', status, headers, response })
        .where(isHeld(lease))
        .returning({ isAwaited: keys.isAwaited });
      const { rows } = await db.execute(tellingDuplicates(ended.getSQL(), lease));
      return rows.length === 1;
    },
    release: async (lease) => {
      const ended = db.delete(keys).where(isHeld(lease)).returning({ isAwaited: keys.isAwaited });
      await db.execute(tellingDuplicates(ended.getSQL(), lease));
    },
    sweep: async (limit) => {
      const { rowCount } = await db.execute(sql`
        delete from ${keys} where id in (
          select id from ${keys} where expires_at <= now() order by expires_at limit ${limit} for update skip locked
        )`);
      return rowCount ?? 0;
    },
  };
}

type Claim = Lease & { requestHash: string; leaseSeconds: number; keepSeconds: number };

async function claim(db: Database, { leaseSeconds, keepSeconds, ...row }: Claim): Promise<Taken | null> {
  const fresh = {
    ...row,
    state: 'running' as const,
    leaseExpiresAt: inSeconds(leaseSeconds),
    expiresAt: inSeconds(keepSeconds),
  };
  const isExpired = lte(keys.expiresAt, sql`now()`);
  const renewed = {
    ...fresh,
    isAwaited: false,
    status: null,
    headers: null,
    response: null,
    createdAt: sql`case when ${isExpired} then now() else ${keys.createdAt} end`,
    attempts: sql`case when ${isExpired} then 1 else ${keys.attempts} + 1 end`,
  };
  const isSilent = and(
    eq(keys.state, 'running'),
    lte(keys.leaseExpiresAt, sql`now()`),
    eq(keys.requestHash, row.requestHash),
  );
  const [taken] = await db
    .insert(keys)
    .values(fresh)
    .onConflictDoUpdate({
      target: keys.id,
      set: renewed,
      setWhere: sql`${eq(keys.userId, row.userId)} and (${isExpired} or ${isSilent})`,
    })
    .returning({
      id: keys.id,
      requestHash: keys.requestHash,
      begunAt: keys.createdAt,
      attempts: keys.attempts,
    });
  return taken ?? null;
}

async function find(db: Database, slot: Slot): Promise<Standing> {
  const [row] = await db
    .select({
      state: keys.state,
      requestHash: keys.requestHash,
      status: keys.status,
      headers: keys.headers,
      response: keys.response,
      isAbandoned: sql<boolean>`${keys.leaseExpiresAt} <= now()`,
      isExpired: sql<boolean>`${keys.expiresAt} <= now()`,
    })
    .from(keys)
    .where(isIn(slot));
  if (!row || row.isExpired) return { kind: 'free' };
  const { state, requestHash, status, headers, response, isAbandoned } = row;
  if (state === 'running') return { kind: 'running', requestHash, isAbandoned };
  if (status === null || !response) return { kind: 'done', requestHash, answer: null };
  return { kind: 'done', requestHash, answer: { status, headers: HeadersSchema.parse(headers), bytes: response } };
}

/** One statement for the whole process, locking in one order. */
async function renew(db: Database, leases: readonly Lease[], leaseSeconds: number): Promise<ReadonlySet<string>> {
  const ids = sql.param(leases.map(({ id }) => id));
  const users = sql.param(leases.map(({ userId }) => userId));
  const owners = sql.param(leases.map(({ owner }) => owner));
  const { rows } = await db.execute<{ owner: string }>(sql`
    with held as (
      select k.id from unnest(${ids}::text[], ${users}::uuid[], ${owners}::uuid[]) as mine (id, user_id, owner)
      join ${keys} k on k.id = mine.id and k.user_id = mine.user_id and k.owner = mine.owner and k.state = 'running'
      order by k.id for no key update of k
    )
    update ${keys} set lease_expires_at = ${inSeconds(leaseSeconds)} from held where ${keys}.id = held.id
    returning ${keys}.owner`);
  return new Set(rows.map(({ owner }) => owner));
}

/** A notice costs every commit of the database a lock, so only those who have somebody to tell send one. */
function tellingDuplicates(ended: ReturnType<typeof sql>, { id }: Slot) {
  return sql`with ended as (${ended})
    select case when is_awaited then pg_notify(${endsChannel}::text, ${id}::text) end from ended`;
}

function isIn({ id, userId }: Slot) {
  return and(eq(keys.id, id), eq(keys.userId, userId));
}

function isHeld(lease: Lease) {
  return and(isIn(lease), eq(keys.owner, lease.owner), eq(keys.state, 'running'));
}

function inSeconds(seconds: number) {
  return sql`now() + make_interval(secs => ${seconds}::double precision)`;
}
