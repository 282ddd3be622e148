import { sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '#shared/db/connect.ts';
import type { UpkeepWork } from '../money/upkeep.ts';

const RowsSchema = z.tuple([z.object({ count: z.int() })]);
const batch = 500;
const monthsAhead = 2;

export type MeteringUpkeepOptions = {
  db: Database;
  /** Months of single events that are kept before this one. What was added up by day stays. */
  retentionMonths: number;
};

export function createMeteringUpkeep({ db, retentionMonths }: MeteringUpkeepOptions): UpkeepWork {
  const sweepSome = async (): Promise<number> => {
    const { rows } = await db.execute(sql`select sweep_reservations(${batch}) as count`);
    return RowsSchema.parse(rows)[0].count;
  };
  return {
    sweep: async () => {
      let total = 0;
      for (let swept = batch; swept === batch; total += swept) swept = await sweepSome();
      await removeOldMinutes(db);
      return total;
    },
    tidy: async () => {
      await db.execute(sql`select make_usage_partitions(${monthsAhead})`);
      await db.execute(sql`select drop_usage_partitions(${retentionMonths})`);
      await removeOldWindows(db);
      await db.execute(sql`delete from budgets where limit_micros is null and changed_at < now() - interval '1 day'`);
    },
  };
}

/** Rows that somebody is at are left for the next time, so that this never waits and nobody waits for this. */
async function removeOldMinutes(db: Database): Promise<void> {
  await db.execute(sql`
    with old as materialized (
      select minute, subject_id from minute_counters where minute < now() - interval '5 minutes'
      limit 10000 for update skip locked
    )
    delete from minute_counters m using old where m.minute = old.minute and m.subject_id = old.subject_id`);
}

/** A budget of a day or month never looks at an earlier one. Those in total have no end. */
async function removeOldWindows(db: Database): Promise<void> {
  await db.execute(sql`
    with old as materialized (
      select subject_kind, subject_id, period, starts_at from budget_windows
      where period <> 'total' and starts_at < now() - interval '62 days' limit 10000 for update skip locked
    )
    delete from budget_windows w using old
    where w.subject_kind = old.subject_kind and w.subject_id = old.subject_id and w.period = old.period
      and w.starts_at = old.starts_at`);
}
