import { and, eq, gt, sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { credentials, emailConfirmations, revocations, users } from '#shared/db/schema.ts';
import type { Actor } from '../audit/audit-log.ts';
import { recordAudit } from './audit-repository.ts';
import { revokeSessions } from './end-sessions.ts';

export type ConfirmAddress = { tokenHash: string; address: string; actor: Actor };

/**
 * Gives an address to the account whose mailbox showed the token. An account that has the address but never had a
 * password (imported, or made by an admin) takes the password over, and the one that only stood in for it ends.
 * All other tokens for the address end as well: it is given away once.
 */
export async function confirmAddress(tx: Database, { tokenHash, address, actor }: ConfirmAddress): Promise<boolean> {
  // One at a time for an address, so that of two tokens used at once only one can win.
  await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`confirm ${address}`}, 0))`);
  const waiting = await redeem(tx, tokenHash, address);
  if (!waiting) return false;
  const owner = await ownerOf(tx, address);
  if (owner?.hasPassword) return false;
  await tx.delete(emailConfirmations).where(eq(emailConfirmations.address, address));
  if (owner) await adopt(tx, waiting.userId, owner.id);
  const userId = owner?.id ?? waiting.userId;
  const email = owner ? {} : { email: waiting.email };
  await tx
    .update(users)
    .set({ ...email, emailConfirmedAt: new Date(), updatedAt: new Date() })
    .where(eq(users.id, userId));
  await recordAudit(tx, { actor, action: 'user.confirmed', userId, subjectId: userId });
  return true;
}

async function redeem(
  tx: Database,
  tokenHash: string,
  address: string,
): Promise<{ userId: string; email: string } | undefined> {
  const { tokenHash: hash, address: confirmed, expiresAt, userId } = emailConfirmations;
  const [row] = await tx
    .delete(emailConfirmations)
    .where(and(eq(hash, tokenHash), eq(confirmed, address), gt(expiresAt, new Date())))
    .returning({ userId });
  if (!row) return undefined;
  const [claim] = await tx
    .select({ userId: credentials.userId, email: credentials.email })
    .from(credentials)
    .where(eq(credentials.userId, row.userId));
  return claim;
}

async function ownerOf(tx: Database, address: string): Promise<{ id: string; hasPassword: boolean } | undefined> {
  const [owner] = await tx
    .select({ id: users.id, hasPassword: sql<boolean>`${credentials.userId} IS NOT NULL` })
    .from(users)
    .leftJoin(credentials, eq(credentials.userId, users.id))
    .where(and(sql`lower(${users.email}) = ${address}`, sql`NOT ${users.isEmailShadowed}`));
  return owner;
}

async function adopt(tx: Database, standIn: string, owner: string): Promise<void> {
  // First, which locks it: a log-in to it that is under way ends with it or is refused.
  await tx.update(users).set({ disabledAt: new Date(), updatedAt: new Date() }).where(eq(users.id, standIn));
  await tx.update(credentials).set({ userId: owner, updatedAt: new Date() }).where(eq(credentials.userId, standIn));
  await revokeSessions(tx, standIn);
  await tx.insert(revocations).values({ kind: 'user', subjectId: standIn });
}
