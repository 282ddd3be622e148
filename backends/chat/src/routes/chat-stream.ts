import type { Hono } from 'hono';
import { chatStream as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { openChat } from '../gaia-chat/open-chat.ts';
import { streamEvents } from '../gaia-chat/stream-events.ts';
import { chatStreamOnce, type ChatServices } from './chat-once.ts';

export function chatStreamRoute(app: Hono<ServiceEnv>, services: ChatServices): void {
  const { calls, chats } = services;
  mount(
    app,
    contract,
    async ({ c, body, rawBody }) =>
      await chatStreamOnce(c, services, rawBody, async (caller, sink) => {
        const startedAt = new Date();
        await streamEvents(calls, await openChat(chats, caller, { ...body, stream: true }), { sink, startedAt });
      }),
  );
}
