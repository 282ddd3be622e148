import { and, eq } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { revocations } from '#shared/db/schema.ts';
import type { Actor } from '../audit/audit-log.ts';
import { recordAudit } from './audit-repository.ts';

// Sessions that are in no table of ours: those of Supabase, and those of tokens that keys were exchanged for. What says
// that one has ended is the feed.

/** Announces to the edge that it is over, once. */
export async function endForeignSession(
  db: Database,
  { sessionId, userId }: { sessionId: string; userId: string },
  actor: Actor,
): Promise<void> {
  await db.transaction(async (tx) => {
    if (await hasEnded(tx, sessionId)) return;
    await tx.insert(revocations).values({ kind: 'session', subjectId: sessionId });
    await recordAudit(tx, { actor, action: 'session.ended', userId, subjectId: sessionId });
  });
}

export async function hasEnded(db: Database, sessionId: string): Promise<boolean> {
  const rows = await db
    .select({ sequence: revocations.sequence })
    .from(revocations)
    .where(and(eq(revocations.kind, 'session'), eq(revocations.subjectId, sessionId)))
    .limit(1);
  return rows.length > 0;
}
