import type { Hono } from 'hono';
import { chat as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { streamChunks } from '../gaia-chat/stream-chunks.ts';
import { chatOnce, type ChatServices } from './chat-once.ts';

export function chatRoute(app: Hono<ServiceEnv>, services: ChatServices): void {
  mount(
    app,
    contract,
    async ({ c, body, rawBody }) =>
      await chatOnce(c, services, { rawBody, request: body }, { stream: streamChunks, fields: (fields) => fields }),
  );
}
