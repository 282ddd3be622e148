import type { Hono } from 'hono';
import { createMessage as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Calls } from '../calls/calls.ts';
import { answerCall } from './answer-call.ts';

export function createMessageRoute(app: Hono<ServiceEnv>, { calls }: { calls: Calls }): void {
  mount(
    app,
    contract,
    async ({ c, body, rawBody }) => await answerCall(c, calls, { protocol: 'messages', body, rawBody }),
  );
}
