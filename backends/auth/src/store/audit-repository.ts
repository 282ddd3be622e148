import { and, desc, eq, lt, sql, type SQL } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { auditLog } from '#shared/db/schema.ts';
import type { AuditEntry, AuditReader, AuditRecord, PageOf } from '../audit/audit-log.ts';

/** Call it in the transaction of the change: neither of the two is ever there without the other. */
export async function recordAudit(tx: Database, entry: AuditEntry): Promise<void> {
  const { actor, action, userId, subjectId, before, after } = entry;
  await tx.insert(auditLog).values({
    userId,
    actorUserId: actor.userId,
    actorKeyId: actor.keyId,
    actorSessionId: actor.sessionId,
    action,
    subjectKind: action.slice(0, action.indexOf('.')),
    subjectId,
    before,
    after,
    requestId: actor.requestId,
    address: actor.address,
  });
}

export function createAuditReader(db: Database): AuditReader {
  return {
    list: async (ownerId, { limit, after }) => {
      const own = ownerId === null ? undefined : eq(auditLog.userId, ownerId);
      const rows = await db
        .select()
        .from(auditLog)
        .where(and(own, after === undefined ? undefined : olderThan(after, own)))
        .orderBy(desc(auditLog.sequence))
        .limit(limit + 1);
      return pageOf(rows.map(recordOf), limit);
    },
  };
}

/** Gives one page of what was asked for with one row more than fits. */
export function pageOf<T extends { id: string }>(rows: T[], limit: number): PageOf<T> {
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

/** A mark that is not the reader's own finds nothing, like one that never was. */
function olderThan(after: string, own: SQL | undefined): SQL {
  const mark = sql`(select ${auditLog.sequence} from ${auditLog} where ${and(eq(auditLog.id, after), own)})`;
  return lt(auditLog.sequence, mark);
}

function recordOf(row: typeof auditLog.$inferSelect): AuditRecord {
  const { id, at, action, userId, before, after, requestId, address } = row;
  return {
    id,
    at,
    action,
    userId,
    subject: { kind: row.subjectKind, id: row.subjectId },
    actor: { userId: row.actorUserId, keyId: row.actorKeyId, sessionId: row.actorSessionId },
    before,
    after,
    requestId,
    address,
  };
}
