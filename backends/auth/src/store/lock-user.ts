import { eq } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { users } from '#shared/db/schema.ts';

export type LockedUser = { role: 'user' | 'admin'; disabledAt: Date | null };

/**
 * Keeps everybody else who locks this user waiting until the end of the transaction. Take it before what depends on it
 * is read or written: what begins sessions and what ends them then come one after the other, and never wait crosswise.
 */
export async function lockUser(tx: Database, userId: string): Promise<LockedUser | null> {
  const [user] = await tx
    .select({ role: users.role, disabledAt: users.disabledAt })
    .from(users)
    .where(eq(users.id, userId))
    .for('no key update');
  return user ?? null;
}
