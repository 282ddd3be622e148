import { randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import { answerOnce, streamOnce, type FirstAnswer } from '#shared/idempotency/answer-once.ts';
import type { Idempotency } from '#shared/idempotency/idempotency.ts';
import type { RecordedSink } from '#shared/idempotency/recorded-sink.ts';
import { clientLeft, sendBytes } from '#shared/service/direct-answer.ts';
import { userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Calls } from '../calls/calls.ts';
import type { ChatCaller, ChatParts } from '../gaia-chat/open-chat.ts';

/** What the routes of our own chat need. */
export type ChatServices = { calls: Calls; chats: ChatParts; idempotency: Idempotency };

export type JsonAnswer = { fields: object; headers?: Record<string, string> };

/** Answers with JSON, once for each Idempotency-Key. */
export async function chatOnce(
  c: Context<ServiceEnv>,
  { idempotency }: ChatServices,
  body: Uint8Array,
  work: (caller: ChatCaller) => Promise<JsonAnswer>,
): Promise<Response> {
  return await answerOnce(c, { idempotency, body, signal: clientLeft(c) }, async (signal): Promise<FirstAnswer> => {
    const { fields, headers = {} } = await work(callerOf(c, signal));
    const bytes = Buffer.from(JSON.stringify(fields));
    const type = 'application/json';
    const respond = (): Response => sendBytes(c, bytes, type, headers);
    return { status: 200, headers: { ...headers, 'content-type': type }, bytes, respond };
  });
}

/** The same for a stream. */
export async function chatStreamOnce(
  c: Context<ServiceEnv>,
  { idempotency }: ChatServices,
  body: Uint8Array,
  work: (caller: ChatCaller, sink: RecordedSink) => Promise<void>,
): Promise<Response> {
  return await streamOnce(c, { idempotency, body, signal: clientLeft(c) }, async (sink, signal) => {
    await work(callerOf(c, signal), sink);
  });
}

/** A request that is sent again under its Idempotency-Key stores nothing twice, also when the first one crashed. */
function callerOf(c: Context<ServiceEnv>, clientHasLeft: AbortSignal): ChatCaller {
  return {
    principal: userOf(c),
    requestId: c.get('requestId'),
    clientLeft: clientHasLeft,
    turnId: c.req.header('idempotency-key') ?? randomUUID(),
  };
}
