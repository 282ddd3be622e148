import { sql } from 'drizzle-orm';
import type { Database } from './connect.ts';

/**
 * Makes sure, in the transaction of what is to belong to a user, that the user has a row. Where Supabase keeps the
 * accounts, the edge takes its tokens without asking us, so anybody may come to any backend first. The row has neither
 * address nor name (an empty address belongs to nobody, and any number of rows have one): auth fills both in when it
 * sees the user. A row that is there is not touched, so this costs a look at an index.
 *
 *     await db.transaction(async (tx) => {
 *       await ensureUser(tx, principal.userId);
 *       await tx.insert(conversations).values({ userId: principal.userId });
 *     });
 */
export async function ensureUser(tx: Database, userId: string): Promise<void> {
  await tx.execute(sql`
    with made as (
      insert into users (id) select ${userId}::uuid where not exists (select from users where id = ${userId}::uuid)
      on conflict do nothing returning id
    )
    insert into audit_log (user_id, actor_user_id, action, subject_kind, subject_id, after)
    select id, id, 'user.created', 'user', id::text, '{"identity_provider": "supabase"}'::jsonb from made`);
}
