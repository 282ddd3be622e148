import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { passwordCodes, revocations, sessions } from '#shared/db/schema.ts';
import { sessionRules } from '../sessions/session.ts';

/** Longer than any access token of a session lives after its last turn. */
const tokenLifeSeconds = sessionRules.accessTokenSeconds + 300;

/**
 * Ends every session of a user, and every code that could set its password. Does not tell the edge of the user: that
 * would end what begins in the same second as well.
 */
export async function endSessions(tx: Database, userId: string): Promise<void> {
  await tx.delete(passwordCodes).where(eq(passwordCodes.userId, userId));
  await revokeSessions(tx, userId);
}

/**
 * Tells the edge of each session that may have a token out there. That holds for tokens that are still being made too,
 * whatever time they will say. The caller holds the lock on the user's row, so that no session begins meanwhile.
 */
export async function revokeSessions(tx: Database, userId: string): Promise<void> {
  const ended = await tx
    .update(sessions)
    .set({ revokedAt: sql`now()` })
    .where(and(eq(sessions.userId, userId), isNull(sessions.revokedAt)))
    .returning({
      id: sessions.id,
      mayHaveToken: sql<boolean>`${sessions.lastUsedAt} > now() - make_interval(secs => ${tokenLifeSeconds})`,
    });
  const told = ended.filter(({ mayHaveToken }) => mayHaveToken);
  if (told.length === 0) return;
  await tx.insert(revocations).values(told.map(({ id }) => ({ kind: 'session' as const, subjectId: id })));
}
