import { eq } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { credentials, sessions, users } from '#shared/db/schema.ts';
import type { Account, ProvenPassword, Started } from '../accounts/account.ts';
import type { Actor } from '../audit/audit-log.ts';
import type { NewSession } from '../sessions/session.ts';
import { accountColumns } from './account-columns.ts';
import { recordAudit } from './audit-repository.ts';
import { lockUser } from './lock-user.ts';

/**
 * Begins a session for whoever knew the password, if that still counts: checking it takes a while, in which the user
 * may have been disabled, or the password replaced and all sessions ended because somebody else knew it.
 */
export async function startSession(
  tx: Database,
  { accountId, hash, renewed }: ProvenPassword,
  session: NewSession,
  actor: Actor,
): Promise<Started | null> {
  await lockUser(tx, accountId);
  const [found] = await tx
    .select({ account: accountColumns, stored: credentials.passwordHash })
    .from(users)
    .innerJoin(credentials, eq(credentials.userId, users.id))
    .where(eq(users.id, accountId));
  if (!found || found.account.disabledAt) return null;
  // Another log-in may have renewed it meanwhile. It has the same salt, so that came out the same.
  if (found.stored !== hash && found.stored !== renewed) return null;
  if (renewed !== null && found.stored !== renewed) {
    const changes = { passwordHash: renewed, updatedAt: new Date() };
    await tx.update(credentials).set(changes).where(eq(credentials.userId, accountId));
  }
  return await insertSession(tx, found.account, session, actor);
}

/** The caller made the user in the same transaction, or holds the lock on it. */
export async function insertSession(
  tx: Database,
  account: Account,
  session: NewSession,
  actor: Actor,
): Promise<Started> {
  const values = { ...session, userId: account.id };
  const [row] = await tx.insert(sessions).values(values).returning({ id: sessions.id });
  if (!row) throw new Error('an insert gave no row');
  await recordAudit(tx, {
    actor: { ...actor, userId: account.id, sessionId: row.id },
    action: 'session.started',
    userId: account.id,
    subjectId: row.id,
  });
  return { account, sessionId: row.id };
}
