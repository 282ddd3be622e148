import { createHash, randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import type { ChatRequestBody, ChatResponseBody } from '#shared/contracts/chat.ts';
import { answerOnce, streamOnce, type FirstAnswer } from '#shared/idempotency/answer-once.ts';
import { requestHashOf } from '#shared/idempotency/idempotent-request.ts';
import type { Idempotency } from '#shared/idempotency/idempotency.ts';
import type { Run } from '#shared/idempotency/run.ts';
import type { OnceSink } from '#shared/idempotency/recorded-sink.ts';
import { clientLeft, sendBytes } from '#shared/service/direct-answer.ts';
import { userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Calls } from '../calls/calls.ts';
import { answerChat, fieldsAgain, type ChatAnswer } from '../gaia-chat/answer-chat.ts';
import { withChat, type AnsweredChat, type ChatCaller, type ChatParts, type OpenChat } from '../gaia-chat/open-chat.ts';

/** What the routes of our own chat need. */
export type ChatServices = { calls: Calls; chats: ChatParts; idempotency: Idempotency };

export type ChatAsked = { rawBody: Uint8Array; request: ChatRequestBody };

/** How a route says its answers. */
export type ChatDialect = {
  stream: (calls: Calls, chat: OpenChat | AnsweredChat, sink: OnceSink) => Promise<void>;
  /** `completion` is what the model gave, and empty where the answer is given again. */
  fields: (fields: ChatResponseBody, completion: object) => object;
};

/** Answers with JSON or a stream, once for each Idempotency-Key. */
export async function chatOnce(
  c: Context<ServiceEnv>,
  services: ChatServices,
  asked: ChatAsked,
  dialect: ChatDialect,
): Promise<Response> {
  if (!asked.request.stream) return await chatJsonOnce(c, services, asked, dialect);
  return await chatStreamOnce(c, services, asked, async (chat, sink) => {
    await dialect.stream(services.calls, chat, sink);
  });
}

async function chatJsonOnce(
  c: Context<ServiceEnv>,
  { idempotency, chats, calls }: ChatServices,
  { rawBody: body, request }: ChatAsked,
  dialect: ChatDialect,
): Promise<Response> {
  return await answerOnce(c, { idempotency, body, signal: clientLeft(c) }, async (run): Promise<FirstAnswer> => {
    const startedAt = performance.now();
    calls.refuseWhenBusy();
    const opening = { caller: callerOf(c, body, run), wish: { request, isStream: false } };
    const { fields, completion, headers } = await withChat(chats, opening, async (chat) =>
      chat.kind === 'answered' ? answeredAgain(chat) : await answerChat(calls, chat, startedAt),
    );
    const bytes = Buffer.from(JSON.stringify(dialect.fields(fields, completion)));
    const contentType = 'application/json';
    const respond = (): Response => sendBytes(c, bytes, contentType, headers);
    return { status: 200, contentType, bytes, respond };
  });
}

/** With a stream. */
export async function chatStreamOnce(
  c: Context<ServiceEnv>,
  { idempotency, chats, calls }: ChatServices,
  { rawBody: body, request }: ChatAsked,
  work: (chat: OpenChat | AnsweredChat, sink: OnceSink) => Promise<void>,
): Promise<Response> {
  return await streamOnce(c, { idempotency, body, signal: clientLeft(c) }, async (sink, run) => {
    calls.refuseWhenBusy();
    const opening = { caller: callerOf(c, body, run), wish: { request, isStream: true } };
    await withChat(chats, opening, async (chat) => await work(chat, sink));
  });
}

function answeredAgain(chat: AnsweredChat): ChatAnswer {
  return { fields: fieldsAgain(chat), completion: {}, headers: {} };
}

function callerOf(c: Context<ServiceEnv>, body: Uint8Array, { id, earlier, signal }: Run): ChatCaller {
  return {
    principal: userOf(c),
    requestId: c.get('requestId'),
    clientLeft: signal,
    callId: id,
    earlier,
    turnId: turnIdOf(c, body),
  };
}

/**
 * A request that is sent again under its Idempotency-Key stores nothing twice, also when the first one crashed. Turns
 * live longer than keys, so that a key alone could one day name the turn of another request.
 */
function turnIdOf(c: Context<ServiceEnv>, body: Uint8Array): string {
  const key = c.req.header('idempotency-key');
  if (key === undefined) return randomUUID();
  const request = requestHashOf({ method: c.req.method, path: c.req.path, body });
  return createHash('sha256').update(`${key}\n${request}`).digest('hex');
}
