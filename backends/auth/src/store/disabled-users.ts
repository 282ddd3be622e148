import { desc, isNotNull } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { users } from '#shared/db/schema.ts';

/** Those who are disabled now, the latest first. */
export function createDisabledUsers(db: Database): (limit: number) => Promise<string[]> {
  return async (limit) => {
    const rows = await db
      .select({ id: users.id })
      .from(users)
      .where(isNotNull(users.disabledAt))
      .orderBy(desc(users.disabledAt))
      .limit(limit);
    return rows.map(({ id }) => id);
  };
}
