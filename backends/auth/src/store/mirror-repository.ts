import { and, eq, isNull, ne, sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { ensureUser } from '#shared/db/ensure-user.ts';
import { revocations, users } from '#shared/db/schema.ts';
import type { Mirror, MirroredUser } from '../supabase/mirror.ts';
import { createAccountRepository } from './account-repository.ts';
import { recordAudit } from './audit-repository.ts';
import { endForeignSession, hasEnded } from './foreign-sessions.ts';
import { revokedAt } from './revocation-reader.ts';

export function createMirror(db: Database): Mirror {
  return {
    ensure: async (userId) => await ensureUser(db, userId),
    update: async (user) =>
      await db.transaction(async (tx) => {
        await ensureUser(tx, user.id);
        await takeName(tx, user);
        if (user.confirmedEmail !== null) await takeAddress(tx, user.id, user.confirmedEmail);
        const account = await createAccountRepository(tx).find(user.id);
        if (!account) throw new Error('a user vanished while being mirrored');
        return account;
      }),
    recordStart: async ({ sessionId, userId }, actor) => {
      await recordAudit(db, {
        actor: { ...actor, userId, sessionId },
        action: 'session.started',
        userId,
        subjectId: sessionId,
      });
    },
    endSession: async (session, actor) => await endForeignSession(db, session, actor),
    endSessions: async (userId, actor, action) =>
      await db.transaction(async (tx) => {
        const [ended] = await tx
          .insert(revocations)
          .values({ kind: 'user', subjectId: userId })
          .returning({ at: revokedAt });
        if (!ended) throw new Error('an insert gave no row');
        await recordAudit(tx, { actor, action, userId, subjectId: userId });
        return ended.at;
      }),
    hasEnded: async (sessionId) => await hasEnded(db, sessionId),
  };
}

/** A name of Supabase is taken for a row that is as it was made; one that was changed here, or removed, is ours. */
async function takeName(tx: Database, { id, name }: MirroredUser): Promise<void> {
  if (name === null) return;
  const isUntouched = and(eq(users.id, id), isNull(users.name), eq(users.updatedAt, users.createdAt));
  await tx
    .update(users)
    .set({ name, updatedAt: sql`clock_timestamp()` })
    .where(isUntouched);
}

/** An address never leads to somebody else's row: one that is taken is nobody's news, and this user goes without. */
async function takeAddress(tx: Database, id: string, email: string): Promise<void> {
  const address = email.toLowerCase();
  const [mine] = await tx.select({ email: users.email }).from(users).where(eq(users.id, id));
  if (!mine || mine.email?.toLowerCase() === address) return;
  // The lock of confirm-address.ts: one at a time for an address.
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`confirm ${address}`}, 0))`);
  const taken = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(sql`lower(${users.email}) = ${address}`, ne(users.id, id)))
    .limit(1);
  const now = new Date();
  const claim = taken.length === 0 ? { email, emailConfirmedAt: now } : { email: null, emailConfirmedAt: null };
  await tx
    .update(users)
    .set({ ...claim, isEmailShadowed: false, updatedAt: now })
    .where(eq(users.id, id));
}
