import { and, desc, gt, gte, sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '#shared/db/connect.ts';
import { revocations } from '#shared/db/schema.ts';
import type { RevocationReader } from '../revocations/revocation-feed.ts';

const NewestSchema = z.object({ sequence: z.coerce.number(), drawn: z.coerce.number() });

/**
 * In seconds since 1970, as the edge compares it with the times of tokens, and cut off as these are: rounded, it would
 * end a token of the second after it.
 */
export const revokedAt = sql`floor(extract(epoch from ${revocations.createdAt}))`.mapWith(Number);

/** The feed in Postgres. A trigger makes the order of numbers the order of commits, so none appears behind a reader. */
export function createRevocationReader(db: Database): RevocationReader {
  return {
    newest: async () => {
      // The sequence keeps its value when old rows are deleted, so only a restored database has a lower one.
      const { rows } = await db.execute(sql`
        SELECT coalesce(max(sequence), 0) AS sequence,
          coalesce(pg_sequence_last_value(pg_get_serial_sequence('revocations', 'sequence')::regclass), 0) AS drawn
        FROM revocations`);
      return NewestSchema.parse(rows[0]);
    },
    read: async ({ after, since, limit }) => {
      const rows = await db
        .select({
          sequence: revocations.sequence,
          kind: revocations.kind,
          id: revocations.subjectId,
          at: revokedAt,
        })
        .from(revocations)
        .where(and(gt(revocations.sequence, after), gte(revocations.createdAt, new Date(since * 1_000))))
        .orderBy(desc(revocations.sequence))
        .limit(limit);
      return rows.toReversed();
    },
  };
}
