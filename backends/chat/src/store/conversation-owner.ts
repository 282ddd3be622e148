import type { Database } from '#shared/db/connect.ts';
import { users } from '#shared/db/schema.ts';

/** Somebody whom an outside identity provider knows may have no row here before they first store something. */
export async function ensureOwner(db: Database, userId: string): Promise<void> {
  await db.insert(users).values({ id: userId }).onConflictDoNothing();
}
