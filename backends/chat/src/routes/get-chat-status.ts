import type { Hono } from 'hono';
import { getChatStatus as contract } from '#shared/contracts/chat-history.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ConversationStore } from '../conversations/conversation-store.ts';
import { apiVersionOf } from './api-version.ts';

export function getChatStatusRoute(app: Hono<ServiceEnv>, conversations: ConversationStore): void {
  mount(app, contract, async ({ c }) => {
    const { conversations: owned, total, user, assistant } = await conversations.counts(userOf(c));
    return c.json({
      status: 'active',
      message: `You have ${total} messages in ${owned} conversations`,
      api_version: apiVersionOf(c),
      conversations: owned,
      total_messages: total,
      user_messages: user,
      assistant_messages: assistant,
    });
  });
}
