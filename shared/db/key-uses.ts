import { sql } from 'drizzle-orm';
import type { Database } from './connect.ts';

/** Key id -> when it was last used. */
export type KeyUses = ReadonlyMap<string, Date>;

/**
 * One statement for the whole batch, locking in one order so that two processes cannot block each other. A key is
 * written at most once a minute, by however many processes it is used.
 */
export function saveKeyUses(db: Database): (uses: KeyUses) => Promise<void> {
  return async (uses) => {
    const ids = [...uses.keys()];
    const times = Array.from(uses.values(), (at) => at.toISOString());
    await db.execute(sql`
      with used as (
        select k.id, u.at
        from unnest(${sql.param(ids)}::uuid[], ${sql.param(times)}::timestamptz[]) as u (id, at)
        join api_keys k on k.id = u.id
        where k.last_used_at is null or k.last_used_at < u.at - interval '1 minute'
        order by k.id
        for no key update of k
      )
      update api_keys set last_used_at = greatest(last_used_at, used.at) from used where api_keys.id = used.id`);
  };
}
