import type { Hono } from 'hono';
import { listConversations as contract } from '#shared/contracts/chat-conversations.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ConversationStore } from '../conversations/conversation-store.ts';
import { describeConversation } from '../conversations/conversation.ts';

export function listConversationsRoute(app: Hono<ServiceEnv>, conversations: ConversationStore): void {
  mount(app, contract, async ({ c, query }) => {
    const { items, next } = await conversations.list(userOf(c), query);
    return c.json({ conversations: items.map(describeConversation), next });
  });
}
