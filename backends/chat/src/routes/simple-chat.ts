import type { Hono } from 'hono';
import { simpleChat as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { streamSimply } from '../gaia-chat/stream-simply.ts';
import { chatOnce, type ChatServices } from './chat-once.ts';

export function simpleChatRoute(app: Hono<ServiceEnv>, services: ChatServices): void {
  mount(
    app,
    contract,
    async ({ c, body, rawBody }) =>
      await chatOnce(c, services, { rawBody, request: body }, { stream: streamSimply, fields: simple }),
  );
}

function simple({ response, conversation_id }: { response: string; conversation_id: string | null }): object {
  return { response, conversation_id };
}
