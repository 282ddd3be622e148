import { sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import type { LastUseOptions } from '../keys/last-use.ts';

/** One statement for the whole batch, locking in one order so that two processes cannot block each other. */
export function saveKeyUses(db: Database): LastUseOptions['save'] {
  return async (uses) => {
    const ids = [...uses.keys()];
    const times = Array.from(uses.values(), (at) => at.toISOString());
    await db.execute(sql`
      with used as (
        select k.id, u.at
        from unnest(${sql.param(ids)}::uuid[], ${sql.param(times)}::timestamptz[]) as u (id, at)
        join api_keys k on k.id = u.id
        order by k.id
        for no key update of k
      )
      update api_keys set last_used_at = greatest(last_used_at, used.at) from used where api_keys.id = used.id`);
  };
}
