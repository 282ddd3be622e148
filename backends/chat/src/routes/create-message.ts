import type { Hono } from 'hono';
import { createMessage as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { answerCall, type CallServices } from './answer-call.ts';

export function createMessageRoute(app: Hono<ServiceEnv>, services: CallServices): void {
  mount(
    app,
    contract,
    async ({ c, body, rawBody }) => await answerCall(c, services, { protocol: 'messages', body, rawBody }),
  );
}
