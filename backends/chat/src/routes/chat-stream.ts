import type { Hono } from 'hono';
import { chatStream as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { streamEvents } from '../gaia-chat/stream-events.ts';
import { chatStreamOnce, type ChatServices } from './chat-once.ts';

export function chatStreamRoute(app: Hono<ServiceEnv>, services: ChatServices): void {
  mount(app, contract, async ({ c, body, rawBody }) => {
    const startedAt = new Date();
    return await chatStreamOnce(c, services, { rawBody, request: body }, async (chat, sink) => {
      await streamEvents(services.calls, chat, { sink, startedAt });
    });
  });
}
