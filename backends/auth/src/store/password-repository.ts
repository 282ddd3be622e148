import { and, eq, gt, isNull, sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { credentials, passwordCodes, users } from '#shared/db/schema.ts';
import type { Actor } from '../audit/audit-log.ts';
import type { AddressOwner, PasswordRepository } from '../passwords/password-repository.ts';
import { accountColumns } from './account-columns.ts';
import { createAccountRepository } from './account-repository.ts';
import { recordAudit } from './audit-repository.ts';
import { endSessions } from './end-sessions.ts';
import { lockUser } from './lock-user.ts';
import { insertSession } from './start-session.ts';

type Reset = Parameters<PasswordRepository['reset']>[0] & { actor: Actor };
type Change = Parameters<PasswordRepository['change']>[0] & { actor: Actor };

/** Passwords that are forgotten, given for the first time, or changed. */
export function createPasswordRepository(db: Database): PasswordRepository {
  return {
    ownerOf: (address) => ownerOf(db, address),
    isClaimed: async (address) => {
      const waiting = and(eq(credentials.address, address), isNull(users.email), isNull(users.disabledAt));
      const rows = await db
        .select({ userId: credentials.userId })
        .from(credentials)
        .innerJoin(users, eq(users.id, credentials.userId))
        .where(waiting)
        .limit(1);
      return rows.length > 0;
    },
    addCode: async ({ userId, address }, code) => {
      await db.insert(passwordCodes).values({ ...code, userId, address });
    },
    isGood: async (tokenHash, address) => {
      const rows = await db
        .select({ userId: passwordCodes.userId })
        .from(passwordCodes)
        .where(good(tokenHash, address));
      return rows.length > 0;
    },
    reset: async (reset, actor) => await db.transaction(async (tx) => await carryOut(tx, { ...reset, actor })),
    passwordOf: async (userId) => {
      const [row] = await db
        .select({ account: accountColumns, address: credentials.address, hash: credentials.passwordHash })
        .from(users)
        .innerJoin(credentials, eq(credentials.userId, users.id))
        .where(eq(users.id, userId));
      return row ?? null;
    },
    change: async (change, actor) => await db.transaction(async (tx) => await replace(tx, { ...change, actor })),
  };
}

async function ownerOf(db: Database, address: string): Promise<AddressOwner | null> {
  const [owner] = await db
    .select({ userId: users.id, email: users.email })
    .from(users)
    .where(and(sql`lower(${users.email}) = ${address}`, sql`NOT ${users.isEmailShadowed}`, isNull(users.disabledAt)));
  return owner?.email ? { userId: owner.userId, email: owner.email } : null;
}

function good(tokenHash: string, address: string) {
  const { tokenHash: hash, address: meant, expiresAt } = passwordCodes;
  return and(eq(hash, tokenHash), eq(meant, address), gt(expiresAt, sql`now()`));
}

async function carryOut(tx: Database, reset: Reset): Promise<AddressOwner | null> {
  const { tokenHash, address, passwordHash, actor } = reset;
  // The lock of confirm-address.ts: of two codes used at once one wins, and nobody else gets the address meanwhile.
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`confirm ${address}`}, 0))`);
  const [code] = await tx.delete(passwordCodes).where(good(tokenHash, address)).returning();
  if (!code) return null;
  await lockUser(tx, code.userId);
  const owner = await ownerOf(tx, address);
  // The address may have moved on since the mail went out.
  if (owner?.userId !== code.userId) return null;
  const { userId, email } = owner;
  await tx
    .insert(credentials)
    .values({ userId, address, email, passwordHash })
    .onConflictDoUpdate({ target: credentials.userId, set: { address, email, passwordHash, updatedAt: sql`now()` } });
  await tx
    .update(users)
    .set({ emailConfirmedAt: sql`coalesce(${users.emailConfirmedAt}, now())`, updatedAt: sql`now()` })
    .where(eq(users.id, userId));
  await endSessions(tx, userId);
  await recordAudit(tx, { actor, action: 'user.password_reset', userId, subjectId: userId });
  return owner;
}

async function replace(tx: Database, change: Change): ReturnType<PasswordRepository['change']> {
  const { userId, oldHash, newHash, session, actor } = change;
  await lockUser(tx, userId);
  const { rowCount } = await tx
    .update(credentials)
    .set({ passwordHash: newHash, updatedAt: sql`now()` })
    .where(and(eq(credentials.userId, userId), eq(credentials.passwordHash, oldHash)));
  const account = rowCount === 1 ? await createAccountRepository(tx).find(userId) : null;
  if (!account || account.disabledAt) return null;
  await endSessions(tx, userId);
  await recordAudit(tx, { actor, action: 'user.password_changed', userId, subjectId: userId });
  return await insertSession(tx, account, session, actor);
}
