import { and, eq, sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { chatMessages, conversations } from '#shared/db/schema.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Turn } from '../conversations/turn-store.ts';
import { answerOf, ofTurn } from './conversation-answers.ts';

/** Works without the lease too, as long as the message still waits for its answer. */
export async function withdrawTurn(tx: Database, { userId }: UserPrincipal, turn: Turn): Promise<void> {
  const own = and(eq(conversations.id, turn.conversationId), eq(conversations.userId, userId));
  const [locked] = await tx
    .select({
      lease: conversations.turnLease,
      firstTurnId: conversations.firstTurnId,
      isTitled: conversations.isTitled,
    })
    .from(conversations)
    .where(own)
    .for('update');
  if (!locked) return;
  await takeBack(tx, turn);
  const isEmpty = !(await hasMessages(tx, turn));
  if (isEmpty && locked.firstTurnId === turn.turnId && !locked.isTitled) {
    await tx.delete(conversations).where(own);
    return;
  }
  const changes = {
    ...(locked.lease === turn.token && { turnLease: null, turnExpiresAt: null }),
    // Both were made from the message.
    ...(isEmpty && { preview: null, ...(!locked.isTitled && { title: null }) }),
  };
  if (Object.keys(changes).length > 0) await tx.update(conversations).set(changes).where(own);
}

/** What an earlier attempt has stored is not this one's to take away. */
async function takeBack(tx: Database, turn: Turn): Promise<void> {
  const question = and(ofTurn(turn, 'user'), eq(chatMessages.status, 'pending'));
  if (!turn.isRetry) {
    await tx.delete(chatMessages).where(question);
    return;
  }
  const status = (await answerOf(tx, turn)) ? 'completed' : 'unanswered';
  await tx.update(chatMessages).set({ status }).where(question);
}

async function hasMessages(tx: Database, { conversationId }: Turn): Promise<boolean> {
  const rows = await tx
    .select({ one: sql`1` })
    .from(chatMessages)
    .where(eq(chatMessages.conversationId, conversationId))
    .limit(1);
  return rows.length > 0;
}
