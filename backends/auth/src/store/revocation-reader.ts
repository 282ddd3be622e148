import { and, desc, gt, gte, sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '#shared/db/connect.ts';
import { revocations } from '#shared/db/schema.ts';
import type { RevocationReader } from '../revocations/revocation-feed.ts';

const NewestSchema = z.object({ newest: z.coerce.number(), isSame: z.boolean() });

/** Positions are the number of a row × this + a mark of what the row says: see RevocationReader. */
const marks = 2 ** 10;
const mark = sql`hashtextextended(concat_ws(' ', ${revocations.subjectId}, extract(epoch from ${revocations.createdAt})), 0)`;
const position = sql`(${revocations.sequence} * ${sql.raw(`${marks}`)} + (${mark} & ${sql.raw(`${marks - 1}`)}))`;

/**
 * In seconds since 1970, as the edge compares it with the times of tokens, and cut off as these are: rounded, it would
 * end a token of the second after it.
 */
export const revokedAt = sql`floor(extract(epoch from ${revocations.createdAt}))`.mapWith(Number);

/** The feed in Postgres. A trigger makes the order of numbers the order of commits, so none appears behind a reader. */
export function createRevocationReader(db: Database): RevocationReader {
  return {
    newest: async (known) => {
      const { rows } = await db.execute(sql`
        SELECT coalesce((SELECT ${position} FROM revocations ORDER BY sequence DESC LIMIT 1), 0) AS newest,
          ${known}::bigint = 0 OR EXISTS (
            SELECT FROM revocations WHERE sequence = ${numberOf(known)}::bigint AND ${position} = ${known}::bigint
          ) AS "isSame"`);
      return NewestSchema.parse(rows[0]);
    },
    read: async ({ after, since, limit }) => {
      const rows = await db
        .select({
          position: position.mapWith(Number),
          kind: revocations.kind,
          id: revocations.subjectId,
          at: revokedAt,
        })
        .from(revocations)
        .where(and(gt(revocations.sequence, numberOf(after)), gte(revocations.createdAt, new Date(since * 1_000))))
        .orderBy(desc(revocations.sequence))
        .limit(limit);
      return rows.toReversed();
    },
  };
}

function numberOf(position: number): number {
  return Math.floor(position / marks);
}
