import { and, count, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '#shared/db/connect.ts';
import { apiKeys, revocations } from '#shared/db/schema.ts';
import { enqueueEvent } from '#shared/events/outbox.ts';
import { unauthenticated } from '#shared/http/error.ts';
import type { KeyActor, KeyTransaction, KeyVault, ManagedKey, NewKey } from '../keys/key-vault.ts';
import { pageOf, recordAudit } from './audit-repository.ts';
import { lockUser } from './lock-user.ts';
import {
  grantColumns,
  managedKeyColumns,
  managedKeyOf,
  rotationColumns,
  type ManagedKeyRow,
} from './managed-key-row.ts';

const SecondsSchema = z.object({ seconds: z.coerce.number() });

/** The keys of users, for users. Look-ups by hash are in key-repository.ts. */
export function createKeyVault(db: Database): KeyVault {
  return {
    list: async (userId, { limit, after }) => {
      const older =
        after === undefined
          ? undefined
          : sql`(${apiKeys.createdAt}, ${apiKeys.id}) < (select created_at, id from api_keys where id = ${after} and user_id = ${userId})`;
      const rows = await db
        .select(managedKeyColumns)
        .from(apiKeys)
        .where(and(eq(apiKeys.userId, userId), isNull(apiKeys.revokedAt), older))
        .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id))
        .limit(limit + 1);
      return pageOf(rows.map(managedKeyOf), limit);
    },
    find: async (userId, id) => await findKey(db, userId, id),
    changing: async (actor, work) =>
      await db.transaction(async (tx) => await work(keyTransaction(tx, actor, await lockOwner(tx, actor.userId)))),
  };
}

type Mine = { tx: Database; userId: string };

/** Also keeps a disabled user from doing anything in the seconds until the edge knows. */
async function lockOwner(tx: Database, userId: string): Promise<{ isAdmin: boolean }> {
  const user = await lockUser(tx, userId);
  if (!user || user.disabledAt) throw unauthenticated();
  return { isAdmin: user.role === 'admin' };
}

function keyTransaction(tx: Database, actor: KeyActor, { isAdmin }: { isAdmin: boolean }): KeyTransaction {
  const { userId } = actor;
  const mine: Mine = { tx, userId };
  return {
    isAdmin,
    seconds: async () => await secondsOf(tx),
    find: async (id) => await findKey(tx, userId, id),
    count: async () => await countKeys(mine),
    insert: async (key) => await insertKey(mine, key),
    change: async (id, change) => await updateKey(mine, id, grantColumns(change)),
    rotate: async (id, rotation) => await updateKey(mine, id, rotationColumns(rotation)),
    revoke: async (id, at) => {
      await updateKey(mine, id, { revokedAt: at, isActive: false, previousHash: null, previousExpiresAt: null });
      await enqueueEvent(tx, 'gaia.auth.key.revoked', { key_id: id, user_id: userId });
    },
    wasRevoked: async (id) => await wasRevoked(mine, id),
    record: async (action, { id }, states) => {
      await recordAudit(tx, { actor, action, userId, subjectId: id, ...states });
    },
  };
}

/** Not now(), which is when the transaction began: it may have waited for a revocation since. */
async function secondsOf(tx: Database): Promise<number> {
  const { rows } = await tx.execute(sql`select floor(extract(epoch from clock_timestamp())) as seconds`);
  return SecondsSchema.parse(rows[0]).seconds;
}

async function findKey(db: Database, userId: string, id: string): ReturnType<KeyVault['find']> {
  const [row] = await db
    .select(managedKeyColumns)
    .from(apiKeys)
    .where(and(eq(apiKeys.id, id), eq(apiKeys.userId, userId), isNull(apiKeys.revokedAt)));
  return row ? managedKeyOf(row) : null;
}

async function countKeys({ tx, userId }: Mine): Promise<number> {
  const [row] = await tx
    .select({ keys: count() })
    .from(apiKeys)
    .where(and(eq(apiKeys.userId, userId), isNull(apiKeys.revokedAt)));
  return row?.keys ?? 0;
}

async function wasRevoked({ tx, userId }: Mine, id: string): Promise<boolean> {
  const rows = await tx
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(and(eq(apiKeys.id, id), eq(apiKeys.userId, userId), isNotNull(apiKeys.revokedAt)));
  return rows.length > 0;
}

async function insertKey({ tx, userId }: Mine, { secret, ...key }: NewKey): Promise<ManagedKey> {
  const { name, environment, createdByKeyId, ...grant } = key;
  const [row] = await tx
    .insert(apiKeys)
    .values({
      ...grantColumns(grant),
      userId,
      keyHash: secret.hash,
      prefix: secret.prefix,
      lastFour: secret.lastFour,
      name,
      environment,
      createdByKeyId,
    })
    .returning(managedKeyColumns);
  const inserted = written(row);
  await enqueueEvent(tx, 'gaia.auth.key.created', { key_id: inserted.id, user_id: userId });
  return inserted;
}

type Columns = Parameters<ReturnType<Database['update']>['set']>[0];

/** Every change is announced to the edge, which then looks the key up again, and ends the tokens made from it. */
async function updateKey({ tx, userId }: Mine, id: string, columns: Columns): Promise<ManagedKey> {
  const [row] = await tx
    .update(apiKeys)
    .set({ ...columns, updatedAt: sql`now()` })
    .where(and(eq(apiKeys.id, id), eq(apiKeys.userId, userId)))
    .returning(managedKeyColumns);
  await tx.insert(revocations).values({ kind: 'key', subjectId: id });
  return written(row);
}

function written(row: ManagedKeyRow | undefined): ManagedKey {
  if (!row) throw new Error('a key vanished while its owner was locked');
  return managedKeyOf(row);
}
