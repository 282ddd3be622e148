import type { Hono } from 'hono';
import { deleteConversation as contract } from '#shared/contracts/chat-conversations.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ConversationStore } from '../conversations/conversation-store.ts';
import { conversationNotFound } from '../conversations/conversation.ts';
import { pathId } from './path-id.ts';

export function deleteConversationRoute(app: Hono<ServiceEnv>, conversations: ConversationStore): void {
  mount(app, contract, async ({ c }) => {
    const isRemoved = await conversations.remove(userOf(c), pathId(c, conversationNotFound));
    if (!isRemoved) throw conversationNotFound();
    return c.body(null, 204);
  });
}
