import type { AnswerHeaders, EdgeAnswer, EdgeRequest } from './edge.ts';
import type { HeaderLookup } from './header-lookup.ts';

/** Exact origins of browsers that may call with credentials. Never a wildcard. */
export type Origins = ReadonlySet<string>;

const allowedMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE';
const exposedHeaders =
  'x-request-id, retry-after, ratelimit, ratelimit-policy, location, server-timing, x-should-retry, idempotency-replayed';
const preflightSeconds = '600';

export function isPreflight({ method, headers }: Pick<EdgeRequest, 'method' | 'headers'>): boolean {
  return method === 'OPTIONS' && headers.has('origin') && headers.has('access-control-request-method');
}

/** Answered before any authentication: browsers send no credentials with it. A foreign origin gets nothing to go on. */
export function preflight(asked: HeaderLookup, origins: Origins): EdgeAnswer {
  const headers: AnswerHeaders = { allow: allowedMethods };
  if (origins.has(asked.get('origin') ?? '')) {
    headers['access-control-allow-methods'] = allowedMethods;
    headers['access-control-allow-headers'] = asked.get('access-control-request-headers') ?? '';
    headers['access-control-max-age'] = preflightSeconds;
  }
  return { status: 204, headers, body: null };
}

/** Lets a browser of an allowed origin read the answer. Others, and clients that are no browsers, see no difference. */
export function corsHeaders(asked: HeaderLookup, headers: AnswerHeaders, origins: Origins): void {
  const origin = asked.get('origin') ?? null;
  if (origin === null) return;
  headers['vary'] = headers['vary'] === undefined ? 'Origin' : `${headers['vary']}, Origin`;
  if (!origins.has(origin)) return;
  headers['access-control-allow-origin'] = origin;
  headers['access-control-allow-credentials'] = 'true';
  headers['access-control-expose-headers'] = exposedHeaders;
}
