import type { Hono } from 'hono';
import { changeConversation as contract } from '#shared/contracts/chat-conversations.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ConversationStore } from '../conversations/conversation-store.ts';
import { conversationNotFound, describeConversation } from '../conversations/conversation.ts';
import { pathId } from './path-id.ts';

export function changeConversationRoute(app: Hono<ServiceEnv>, conversations: ConversationStore): void {
  mount(app, contract, async ({ c, body }) => {
    const conversation = await conversations.rename(userOf(c), pathId(c, conversationNotFound), body.title);
    if (!conversation) throw conversationNotFound();
    return c.json(describeConversation(conversation));
  });
}
