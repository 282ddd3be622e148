import { and, eq, sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { chatMessages, conversations } from '#shared/db/schema.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Message } from '../conversations/conversation.ts';
import type { Answer, Turn } from '../conversations/turn-store.ts';
import { messageColumns } from './message-columns.ts';
import { storable } from './message-text.ts';

type Completion = { turn: Turn; answer: Answer };

/**
 * Works without the lease too: a turn that lost it has its place all the same, and its answer arrives there late.
 */
export async function completeTurn(
  tx: Database,
  { userId }: UserPrincipal,
  { turn, answer }: Completion,
): Promise<Message | null> {
  const own = and(eq(conversations.id, turn.conversationId), eq(conversations.userId, userId));
  const [locked] = await tx
    .select({ lease: conversations.turnLease })
    .from(conversations)
    .where(own)
    .for('no key update');
  if (!locked) return null;
  const message = await storeAnswer(tx, userId, { turn, answer });
  const released = locked.lease === turn.token && { turnLease: null, turnExpiresAt: null };
  await tx
    .update(conversations)
    .set({ updatedAt: sql`now()`, ...released })
    .where(own);
  return message;
}

async function storeAnswer(tx: Database, userId: string, { turn, answer }: Completion): Promise<Message | null> {
  const isAnswered = answer.status === 'completed' || answer.content !== '';
  const before = await answerOf(tx, turn);
  if (before?.status === 'completed') return before;
  const [question] = await tx
    .update(chatMessages)
    .set({ status: isAnswered || before ? 'completed' : 'unanswered' })
    .where(ofTurn(turn, 'user'))
    .returning({ id: chatMessages.id });
  if (!question || !isAnswered) return null;
  // What an earlier attempt had got until it broke off.
  if (before) await tx.delete(chatMessages).where(eq(chatMessages.id, before.id));
  const [row] = await tx
    .insert(chatMessages)
    .values({
      userId,
      conversationId: turn.conversationId,
      role: 'assistant',
      content: storable(answer.content),
      model: storable(answer.model),
      provider: storable(answer.provider),
      tokensUsed: answer.tokensUsed,
      position: turn.position + 1,
      turnId: turn.turnId,
      status: answer.status === 'failed' ? 'broken' : answer.status,
    })
    .returning(messageColumns);
  return row ?? null;
}

export async function answerOf(tx: Database, turn: Turn): Promise<Message | null> {
  const [row] = await tx.select(messageColumns).from(chatMessages).where(ofTurn(turn, 'assistant'));
  return row ?? null;
}

export function ofTurn({ conversationId, turnId }: Turn, role: 'user' | 'assistant') {
  return and(
    eq(chatMessages.conversationId, conversationId),
    eq(chatMessages.turnId, turnId),
    eq(chatMessages.role, role),
  );
}
