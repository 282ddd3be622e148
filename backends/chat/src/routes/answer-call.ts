import { randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import { clientLeft, eventStreamSink, sendBytes } from '#shared/service/direct-answer.ts';
import { userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Call } from '../calls/call.ts';
import type { Calls } from '../calls/calls.ts';
import type { JsonObject, Protocol } from '../protocols/protocol.ts';

/** What every protocol's request has. */
type RequestBody = JsonObject & { model: string; stream?: boolean | null | undefined };

export type ProtocolRequest = { protocol: Protocol; body: RequestBody; rawBody: Uint8Array };

/** Headers of the protocols themselves, which vendors take from callers. */
const protocolHeaders = ['anthropic-version', 'anthropic-beta', 'openai-beta'];

/** Answers a request that is in a vendor's protocol, in that protocol. */
export async function answerCall(c: Context<ServiceEnv>, calls: Calls, request: ProtocolRequest): Promise<Response> {
  const call = callOf(c, request);
  if (!request.body.stream) {
    const { bytes, admitted } = await calls.unary(call);
    return sendBytes(c, bytes, 'application/json', admitted.headers);
  }
  const sink = eventStreamSink(c);
  await calls.stream(call, sink, { onAdmitted: ({ headers }) => sink.setHeaders(headers) });
  return sink.response();
}

function callOf(c: Context<ServiceEnv>, { protocol, body, rawBody }: ProtocolRequest): Call {
  return {
    id: randomUUID(),
    principal: userOf(c),
    protocol,
    model: body.model,
    body,
    rawBody,
    headers: protocolHeadersOf(c),
    requestId: c.get('requestId'),
    clientLeft: clientLeft(c),
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
