import { and, desc, eq, isNotNull, isNull, sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { credentials, emailConfirmations, passwordSalts, users } from '#shared/db/schema.ts';
import type { Account, AccountRepository, Claimant, NewAccount } from '../accounts/account.ts';
import type { Actor } from '../audit/audit-log.ts';
import { accountColumns } from './account-columns.ts';
import { recordAudit } from './audit-repository.ts';
import { confirmAddress } from './confirm-address.ts';
import { insertSession, startSession } from './start-session.ts';

/** As many accounts as one address may log in to: its owner, and the latest who only claim it. */
const claimantLimit = 4;

export function createAccountRepository(db: Database): AccountRepository {
  return {
    saltOf: (address, fresh) => saltOf(db, address, fresh),
    isTaken: async (address) => (await owners(db, address)).length > 0,
    create: async ({ account, confirmation, session }, actor) =>
      await db.transaction(async (tx) => {
        const created = await insertAccount(tx, account, actor);
        const { id: userId } = created;
        await tx.insert(emailConfirmations).values({ ...confirmation, userId, address: account.address });
        return await insertSession(tx, created, session, actor);
      }),
    claimants: (address) => claimants(db, address),
    startSession: async (proven, session, actor) =>
      await db.transaction(async (tx) => await startSession(tx, proven, session, actor)),
    renewConfirmation: (address, confirmation) =>
      db.transaction(async (tx) => {
        const last = await lastClaimant(tx, address);
        if (!last) return null;
        await tx.delete(emailConfirmations).where(eq(emailConfirmations.userId, last.userId));
        await tx.insert(emailConfirmations).values({ ...confirmation, userId: last.userId, address });
        return { email: last.email };
      }),
    confirm: async (tokenHash, address, actor) =>
      await db.transaction(async (tx) => await confirmAddress(tx, { tokenHash, address, actor })),
    find: (userId) => findAccount(db, userId),
    rename: async (userId, name, actor) =>
      await db.transaction(async (tx) => await renameAccount(tx, { userId, name, actor })),
  };
}

async function saltOf(db: Database, address: string, salt: Buffer): Promise<Buffer> {
  const [row] = await db
    .insert(passwordSalts)
    .values({ address, salt })
    .onConflictDoUpdate({ target: passwordSalts.address, set: { address } })
    .returning({ salt: passwordSalts.salt });
  if (!row) throw new Error('an upsert gave no row');
  return row.salt;
}

function owners(db: Database, address: string): Promise<{ id: string }[]> {
  return db
    .select({ id: users.id })
    .from(users)
    .innerJoin(credentials, eq(credentials.userId, users.id))
    .where(and(sql`lower(${users.email}) = ${address}`, sql`NOT ${users.isEmailShadowed}`))
    .limit(1);
}

async function insertAccount(
  tx: Database,
  { email, address, name, passwordHash }: NewAccount,
  actor: Actor,
): Promise<Account> {
  const [user] = await tx.insert(users).values({ name }).returning();
  if (!user) throw new Error('an insert gave no row');
  await tx.insert(credentials).values({ userId: user.id, address, email, passwordHash });
  await recordAudit(tx, { actor, action: 'user.registered', userId: user.id, subjectId: user.id, after: { name } });
  return { ...user, email, isConfirmed: false };
}

async function claimants(db: Database, address: string): Promise<Claimant[]> {
  const rows = await db
    .select({ ...accountColumns, passwordHash: credentials.passwordHash })
    .from(credentials)
    .innerJoin(users, eq(users.id, credentials.userId))
    .where(eq(credentials.address, address))
    .orderBy(desc(isNotNull(users.email)), desc(credentials.createdAt))
    .limit(claimantLimit);
  return rows.map(({ passwordHash, ...account }) => ({ account, passwordHash }));
}

async function lastClaimant(tx: Database, address: string): Promise<{ userId: string; email: string } | undefined> {
  const [last] = await tx
    .select({ userId: credentials.userId, email: credentials.email })
    .from(credentials)
    .innerJoin(users, eq(users.id, credentials.userId))
    .where(and(eq(credentials.address, address), isNull(users.email), isNull(users.disabledAt)))
    .orderBy(desc(credentials.createdAt))
    .limit(1);
  return last;
}

async function findAccount(db: Database, userId: string): Promise<Account | null> {
  const [row] = await db
    .select(accountColumns)
    .from(users)
    .leftJoin(credentials, eq(credentials.userId, users.id))
    .where(eq(users.id, userId));
  return row ?? null;
}

type Renaming = { userId: string; name: string | null; actor: Actor };

async function renameAccount(tx: Database, { userId, name, actor }: Renaming): Promise<Account | null> {
  const [before] = await tx.select({ name: users.name }).from(users).where(eq(users.id, userId)).for('update');
  if (!before) return null;
  await tx.update(users).set({ name, updatedAt: new Date() }).where(eq(users.id, userId));
  await recordAudit(tx, { actor, action: 'user.changed', userId, subjectId: userId, before, after: { name } });
  return await findAccount(tx, userId);
}
