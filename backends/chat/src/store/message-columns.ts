import { sql } from 'drizzle-orm';
import { chatMessages } from '#shared/db/schema.ts';
import type { MessageStatus } from '../conversations/conversation.ts';

/** What is pending under a lease that has run out is not going to be answered: its process has died. */
const status = sql<MessageStatus>`case
  when ${chatMessages.status} = 'pending' and not exists (
    select from conversations c where c.id = ${chatMessages.conversationId} and c.turn_expires_at > now()
  ) then 'unanswered' else ${chatMessages.status} end`;

export const messageColumns = {
  id: chatMessages.id,
  role: chatMessages.role,
  content: chatMessages.content,
  parts: chatMessages.parts,
  model: chatMessages.model,
  provider: chatMessages.provider,
  tokensUsed: chatMessages.tokensUsed,
  status,
  createdAt: chatMessages.createdAt,
};
