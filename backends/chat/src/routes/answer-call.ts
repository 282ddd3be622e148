import type { Context } from 'hono';
import { answerOnce, streamOnce } from '#shared/idempotency/answer-once.ts';
import type { Run } from '#shared/idempotency/run.ts';
import type { Idempotency } from '#shared/idempotency/idempotency.ts';
import type { JsonObject } from '#shared/json.ts';
import { clientLeft, sendBytes } from '#shared/service/direct-answer.ts';
import { userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Call } from '../calls/call.ts';
import type { Calls } from '../calls/calls.ts';
import type { Protocol } from '../protocols/protocol.ts';

export type CallServices = { calls: Calls; idempotency: Idempotency };

/** What every protocol's request has. */
type RequestBody = JsonObject & { model: string; stream?: boolean | null | undefined };

export type ProtocolRequest = { protocol: Protocol; body: RequestBody; rawBody: Uint8Array };

/** Headers of the protocols themselves, which vendors take from callers. */
const protocolHeaders = ['anthropic-version', 'anthropic-beta', 'openai-beta'];

/** Answers a request that is in a vendor's protocol, in that protocol. */
export async function answerCall(
  c: Context<ServiceEnv>,
  { calls, idempotency }: CallServices,
  request: ProtocolRequest,
): Promise<Response> {
  const once = { idempotency, body: request.rawBody, signal: clientLeft(c) };
  if (request.body.stream && streamed.has(request.protocol)) {
    return await streamOnce(c, once, async (sink, run) => {
      const onAdmitted = ({ headers }: { headers: Record<string, string> }): void => sink.setHeaders(headers);
      await calls.stream(callOf(c, request, run), sink, { onAdmitted });
    });
  }
  return await answerOnce(c, once, async (run) => {
    const { bytes, admitted } = await calls.unary(callOf(c, request, run));
    const respond = (): Response => sendBytes(c, bytes, jsonType, admitted.headers);
    return { status: 200, contentType: jsonType, bytes, respond };
  });
}

/** In any other protocol `stream` is a field that nobody knows. */
const streamed: ReadonlySet<Protocol> = new Set(['chat-completions', 'responses', 'messages']);

const jsonType = 'application/json';

function callOf(
  c: Context<ServiceEnv>,
  { protocol, body, rawBody }: ProtocolRequest,
  { id, earlier, signal }: Run,
): Call {
  return {
    id,
    earlier,
    principal: userOf(c),
    protocol,
    model: body.model,
    body,
    rawBody,
    headers: protocolHeadersOf(c),
    requestId: c.get('requestId'),
    clientLeft: signal,
  };
}

function protocolHeadersOf(c: Context<ServiceEnv>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of protocolHeaders) {
    const value = c.req.header(name);
    if (value !== undefined) headers[name] = value;
  }
  return headers;
}
