import { sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '#shared/db/connect.ts';
import type { BudgetReader } from '../money/budget-book.ts';

const ChangesSchema = z.object({
  position: z.string(),
  is_complete: z.boolean(),
  changed: z.array(z.tuple([z.enum(['key', 'user']), z.string(), z.boolean()])),
});

/**
 * A position is the oldest transaction that still ran at the time of reading: what it or a later one changes is read
 * next time. A position of the future is from before the database was restored, and means nothing any more.
 */
export function createBudgetReader(db: Database): BudgetReader {
  return async (position) => {
    const { rows } = await db.execute(sql`
      with asked as (
        select pg_snapshot_xmin(pg_current_snapshot()) as horizon,
          case when ${position}::xid8 <= pg_snapshot_xmax(pg_current_snapshot()) then ${position}::xid8 end as since
      )
      select horizon::text as position, since is null as is_complete, coalesce((
        select jsonb_agg(jsonb_build_array(subject_kind, subject_id, limit_micros is not null))
        from budgets where since is null or changed_in >= since
      ), '[]') as changed
      from asked`);
    const { position: next, is_complete: isComplete, changed } = ChangesSchema.parse(rows[0]);
    return { position: next, isComplete, changed: changed.map(([kind, id, isBudgeted]) => ({ kind, id, isBudgeted })) };
  };
}
