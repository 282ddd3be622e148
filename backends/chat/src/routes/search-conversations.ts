import type { Hono } from 'hono';
import { searchConversations as contract } from '#shared/contracts/chat-conversations.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ConversationStore } from '../conversations/conversation-store.ts';
import { describeConversation } from '../conversations/conversation.ts';

export function searchConversationsRoute(app: Hono<ServiceEnv>, conversations: ConversationStore): void {
  mount(app, contract, async ({ c, query }) => {
    const found = await conversations.search(userOf(c), query);
    const described = found.map(({ snippet, messageId, ...conversation }) => ({
      ...describeConversation(conversation),
      snippet,
      message_id: messageId,
    }));
    return c.json({ conversations: described, next: null });
  });
}
