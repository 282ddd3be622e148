import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import { headerNames, securityHeaders } from '../http/headers.ts';
import type { ServiceEnv } from './service-env.ts';

/** What the gateway wants to stand on an answer comes under the name it shall have there. */
const dictatedLists = ['ratelimit-policy', 'ratelimit'] as const;
const noHeaders: Readonly<Record<string, string>> = {};

/**
 * The headers of every answer, those that the gateway dictates included: an answer that already has them is passed to
 * the client as it is, which is cheaper than making it anew. Only a gateway is listened to, hence the principal. The
 * handler's own policies go after the gateway's.
 */
export function answerHeaders(c: Context<ServiceEnv>, own = noHeaders): Record<string, string> {
  const headers: Record<string, string> = { ...own, ...securityHeaders, [headerNames.requestId]: c.get('requestId') };
  const timing = c.get('principal') && c.req.header(headerNames.serverTiming);
  if (!timing) return headers;
  const ownMs = Math.round(performance.now() - c.get('startedAt'));
  headers[headerNames.serverTiming] = `${timing}, upstream;dur=${ownMs}`;
  for (const name of dictatedLists) {
    const dictated = c.req.header(name);
    if (dictated) headers[name] = own[name] === undefined ? dictated : `${dictated}, ${own[name]}`;
  }
  return headers;
}

/** Puts them on an answer that is on its way. Each header that Hono sets makes its response anew. */
export function addAnswerHeaders(c: Context<ServiceEnv>): void {
  if (isSent(c)) return;
  for (const [name, value] of Object.entries(answerHeaders(c, policiesOf(c.res)))) c.header(name, value);
}

function policiesOf({ headers }: Response): Record<string, string> {
  const own: Record<string, string> = {};
  for (const name of dictatedLists) {
    const value = headers.get(name);
    if (value !== null) own[name] = value;
  }
  return own;
}

/** Whoever sent an answer themselves has put them on it. */
function isSent(c: Context<ServiceEnv>): boolean {
  return c.res === RESPONSE_ALREADY_SENT;
}
