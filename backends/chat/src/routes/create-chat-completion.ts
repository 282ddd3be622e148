import type { Hono } from 'hono';
import { createChatCompletion as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { answerCall, type CallServices } from './answer-call.ts';

export function createChatCompletionRoute(app: Hono<ServiceEnv>, services: CallServices): void {
  mount(
    app,
    contract,
    async ({ c, body, rawBody }) => await answerCall(c, services, { protocol: 'chat-completions', body, rawBody }),
  );
}
