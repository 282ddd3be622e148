import { headerNames, securityHeaders } from '#shared/http/headers.ts';
import { timingOf, type EdgeRequest } from '../edge.ts';
import { rateLimitFields } from '../limits/rate-limit.ts';
import { mayReachClient } from './forwarded-headers.ts';

/**
 * Tells a backend what its answer has to say for us: where the time went so far, and where the caller stands with its
 * limit. An answer that says so can go to the client as the very object that `fetch` gave, which saves a sixth of the
 * CPU of a request (docs/decisions/0015).
 */
export function dictate(request: EdgeRequest, headers: Record<string, string>): void {
  headers[headerNames.serverTiming] = timingOf(request);
  if (request.rateLimit) Object.assign(headers, rateLimitFields(request.rateLimit));
}

/**
 * Whether the client may get an answer as it is: it has no header that we would take away, and all that we would set,
 * with the values that we would set. Never the answer to a browser, which needs more, nor to HEAD, nor an upgrade.
 */
export function isComplete(answer: Response, request: EdgeRequest, sent: Record<string, string>): boolean {
  if (request.method === 'HEAD' || answer.webSocket || request.headers.has('origin')) return false;
  const wanted = request.rateLimit ? wantedWithLimit : wantedAlways;
  let missing = wanted.size;
  let isFit = true;
  answer.headers.forEach((value, name) => {
    const says = wanted.get(name);
    if (says?.(value, request, sent[name] ?? '')) missing -= 1;
    else if (says || !mayPass(name)) isFit = false;
  });
  return isFit && missing === 0;
}

type Says = (value: string, request: EdgeRequest, dictated: string) => boolean;

const wantedAlways: ReadonlyMap<string, Says> = new Map<string, Says>([
  ...Object.entries(securityHeaders).map(([name, wanted]): [string, Says] => [name, (value) => value === wanted]),
  [headerNames.requestId, (value, { requestId }) => value === requestId],
  [
    headerNames.serverTiming,
    (value, _request, dictated) => value.startsWith(dictated) && upstreamTiming.test(value.slice(dictated.length)),
  ],
]);

/** Both are lists, in which a backend may go on with policies of its own. */
const startsWithDictated: Says = (value, _request, dictated) => value === dictated || value.startsWith(`${dictated}, `);

const wantedWithLimit: ReadonlyMap<string, Says> = new Map([
  ...wantedAlways,
  ['ratelimit-policy', startsWithDictated],
  ['ratelimit', startsWithDictated],
]);

const upstreamTiming = /^, upstream;dur=\d+$/;

/** Of one connection only, and never passed on: the platform removes them by itself. */
const hopByHop = new Set(['connection', 'keep-alive', 'transfer-encoding']);

/** A coding has to be one that the client can read. */
function mayPass(name: string): boolean {
  return (mayReachClient(name) && name !== 'content-encoding') || hopByHop.has(name);
}
