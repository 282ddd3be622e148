import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context, MiddlewareHandler } from 'hono';
import { headerNames, securityHeaders } from '../http/headers.ts';
import type { ServiceEnv } from './service-env.ts';

/** What the gateway wants to stand on an answer comes under the name it shall have there. */
const dictatedLists = ['ratelimit-policy', 'ratelimit'] as const;

/**
 * The headers of every answer, those that the gateway dictates included: an answer that already has them is passed to
 * the client as it is, which is cheaper than making it anew. Only a gateway is listened to, hence the principal.
 */
export function answerHeaders(c: Context<ServiceEnv>): Record<string, string> {
  const headers: Record<string, string> = { ...securityHeaders, [headerNames.requestId]: c.get('requestId') };
  const timing = c.get('principal') && c.req.header(headerNames.serverTiming);
  if (!timing) return headers;
  const ownMs = Math.round(performance.now() - c.get('startedAt'));
  headers[headerNames.serverTiming] = `${timing}, upstream;dur=${ownMs}`;
  for (const name of dictatedLists) {
    const dictated = c.req.header(name);
    if (dictated) headers[name] = dictated;
  }
  return headers;
}

/** Puts them on every answer that passes by. Policies of the handler's own go after the gateway's. */
export function withAnswerHeaders(): MiddlewareHandler<ServiceEnv> {
  return async (c, next) => {
    await next();
    if (isSent(c)) return;
    for (const [name, value] of Object.entries(answerHeaders(c))) {
      const own = isList(name) ? c.res.headers.get(name) : null;
      c.header(name, own === null ? value : `${value}, ${own}`);
    }
  };
}

/** Whoever sent an answer themselves has put them on it. Each header that Hono sets makes its response anew. */
function isSent(c: Context<ServiceEnv>): boolean {
  return c.res === RESPONSE_ALREADY_SENT;
}

function isList(name: string): boolean {
  return dictatedLists.some((list) => list === name);
}
