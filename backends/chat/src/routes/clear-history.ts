import type { Hono } from 'hono';
import { clearHistory as contract } from '#shared/contracts/chat-history.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ConversationStore } from '../conversations/conversation-store.ts';
import { apiVersionOf } from './api-version.ts';

export function clearHistoryRoute(app: Hono<ServiceEnv>, conversations: ConversationStore): void {
  mount(app, contract, async ({ c }) => {
    const deleted = await conversations.clear(userOf(c));
    const message = `Deleted ${deleted} messages`;
    return c.json({ status: 'success', message, api_version: apiVersionOf(c), deleted_messages: deleted });
  });
}
