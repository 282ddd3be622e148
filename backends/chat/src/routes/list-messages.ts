import type { Hono } from 'hono';
import { listMessages as contract } from '#shared/contracts/chat-conversations.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ConversationStore } from '../conversations/conversation-store.ts';
import { conversationNotFound, describeMessage } from '../conversations/conversation.ts';
import { pathId } from './path-id.ts';

export function listMessagesRoute(app: Hono<ServiceEnv>, conversations: ConversationStore): void {
  mount(app, contract, async ({ c, query }) => {
    const page = await conversations.messages(userOf(c), pathId(c, conversationNotFound), query);
    if (!page) throw conversationNotFound();
    return c.json({ messages: page.items.map(describeMessage), next: page.next });
  });
}
