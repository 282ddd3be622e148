import { and, eq, inArray, lt, lte, sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { chatMessages } from '#shared/db/schema.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Message } from '../conversations/conversation.ts';
import type { Turn } from '../conversations/turn-store.ts';
import { messageColumns } from './message-columns.ts';

const maxMessages = 200;
const maxBytes = 1_024 * 1_024;

/** What was left without an answer is left out: its sender was told so, and has said it again or has not. */
export async function turnHistory(db: Database, { userId }: UserPrincipal, turn: Turn): Promise<Message[]> {
  const size = sql`octet_length(${chatMessages.content}) + coalesce(octet_length(${chatMessages.parts}::text), 0)`;
  const newest = db
    .select({
      id: chatMessages.id,
      bytes: sql<number>`sum(${size}) over (order by ${chatMessages.position} desc)`.as('bytes'),
    })
    .from(chatMessages)
    .where(
      and(
        eq(chatMessages.conversationId, turn.conversationId),
        eq(chatMessages.userId, userId),
        lt(chatMessages.position, turn.position),
        inArray(chatMessages.role, ['user', 'assistant']),
        inArray(chatMessages.status, ['completed', 'broken', 'cancelled']),
      ),
    )
    .orderBy(sql`${chatMessages.position} desc`)
    .limit(maxMessages)
    .as('newest');
  return await db
    .select(messageColumns)
    .from(chatMessages)
    .innerJoin(newest, eq(newest.id, chatMessages.id))
    .where(lte(newest.bytes, maxBytes))
    .orderBy(chatMessages.position);
}
