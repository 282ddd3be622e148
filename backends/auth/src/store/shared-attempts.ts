import { createHash } from 'node:crypto';
import { inArray, sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '#shared/db/connect.ts';
import { attempts } from '#shared/db/schema.ts';
import type { SharedAttempts, SharedName } from '../limits/attempts.ts';

const AnswerSchema = z.object({ refused: z.int().nullable(), seconds: z.number().nullable() });

/**
 * Attempts that all processes count, in an unlogged table of hashed names (`take_attempts` in migrations/008). A row goes
 * with the sweep after its window, and the local counters bound how many come, so the table stays as small as the crowd.
 */
export function createSharedAttempts(db: Database): SharedAttempts {
  return {
    take: async (names) => {
      const sorted = inOrder(names);
      const { rows } = await db.execute(sql`
        select refused, wait_seconds as seconds from take_attempts(
          ${sql.param(sorted.map(({ hash }) => hash))}::text[],
          ${sql.param(sorted.map(({ limit }) => limit.windowSeconds / limit.attempts))}::double precision[],
          ${sql.param(sorted.map(({ limit }) => limit.windowSeconds))}::double precision[])`);
      const { refused, seconds } = AnswerSchema.parse(rows[0]);
      const found = refused === null ? undefined : sorted[refused - 1];
      return found ? { index: found.index, seconds: seconds ?? 1 } : null;
    },
    refund: async (names) => {
      for (const { hash, limit } of inOrder(names)) {
        const cost = sql`make_interval(secs => ${limit.windowSeconds / limit.attempts})`;
        await db
          .update(attempts)
          .set({ freeAt: sql`${attempts.freeAt} - ${cost}` })
          .where(inArray(attempts.name, [hash]));
      }
    },
  };
}

/** The same order everywhere, so that two calls cannot lock each other out. */
function inOrder(names: readonly SharedName[]): { hash: string; limit: SharedName['limit']; index: number }[] {
  return names
    .map(({ name, limit }, index) => ({ hash: createHash('sha256').update(name).digest('base64url'), limit, index }))
    .toSorted((one, other) => (one.hash < other.hash ? -1 : 1));
}
