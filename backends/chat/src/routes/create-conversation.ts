import type { Hono } from 'hono';
import { createConversation as contract } from '#shared/contracts/chat-conversations.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ConversationStore } from '../conversations/conversation-store.ts';
import { describeConversation } from '../conversations/conversation.ts';

export function createConversationRoute(app: Hono<ServiceEnv>, conversations: ConversationStore): void {
  mount(app, contract, async ({ c, body }) => {
    const conversation = await conversations.create(userOf(c), body.title ?? null);
    return c.json(describeConversation(conversation), 201, { location: `/api/v1/conversations/${conversation.id}` });
  });
}
