import type { Hono } from 'hono';
import { getConversation as contract } from '#shared/contracts/chat-conversations.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ConversationStore } from '../conversations/conversation-store.ts';
import { conversationNotFound, describeConversation } from '../conversations/conversation.ts';
import { pathId } from './path-id.ts';

export function getConversationRoute(app: Hono<ServiceEnv>, conversations: ConversationStore): void {
  mount(app, contract, async ({ c }) => {
    const conversation = await conversations.find(userOf(c), pathId(c, conversationNotFound));
    if (!conversation) throw conversationNotFound();
    return c.json(describeConversation(conversation));
  });
}
