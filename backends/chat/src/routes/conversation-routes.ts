import type { Hono } from 'hono';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ConversationStore } from '../conversations/conversation-store.ts';
import { changeConversationRoute } from './change-conversation.ts';
import { clearHistoryRoute } from './clear-history.ts';
import { createConversationRoute } from './create-conversation.ts';
import { deleteConversationRoute } from './delete-conversation.ts';
import { getChatStatusRoute } from './get-chat-status.ts';
import { getConversationRoute } from './get-conversation.ts';
import { listConversationsRoute } from './list-conversations.ts';
import { listMessagesRoute } from './list-messages.ts';
import { searchConversationsRoute } from './search-conversations.ts';

/** What users keep here. `search` comes before `{id}`, which would take it for one. */
export function conversationRoutes(app: Hono<ServiceEnv>, conversations: ConversationStore): void {
  listConversationsRoute(app, conversations);
  createConversationRoute(app, conversations);
  searchConversationsRoute(app, conversations);
  getConversationRoute(app, conversations);
  changeConversationRoute(app, conversations);
  deleteConversationRoute(app, conversations);
  listMessagesRoute(app, conversations);
  getChatStatusRoute(app, conversations);
  clearHistoryRoute(app, conversations);
}
