import { contractVersion } from '#shared/contract-version.ts';
import { AppError } from '#shared/http/error.ts';
import { headerNames } from '#shared/http/headers.ts';
import type { ServiceName } from '#shared/identity/assertion.ts';
import type { EdgeAnswer, EdgeRequest, MadeAnswer } from '../edge.ts';
import type { HeaderLookup } from '../header-lookup.ts';
import type { LimitedBody } from '../limits/body-limit.ts';
import { createBreaker, type Breaker } from './breaker.ts';
import { fitContentCoding } from './content-coding.ts';
import { exchange, isRepeatable } from './exchange.ts';
import { headersForClient, headersForUpstream } from './forwarded-headers.ts';
import { headRoom } from './head-room.ts';
import { hopHeaders } from './own-hop.ts';
import { firstByteSeconds, type Upstream } from './table.ts';
import { setTrace } from './traceparent.ts';
import { dictate, isComplete } from './untouched.ts';
import { chosenProtocol, isUpgrade, setUpgrade } from './web-socket.ts';

export type ForwardOptions = {
  send: typeof fetch;
  /** The most that any upstream may take; the table says less for some. */
  firstByteSeconds: number;
};

export type Forwarded = { upstream: Upstream; request: EdgeRequest; body: LimitedBody; assertion: string };
export type Forward = (forwarded: Forwarded) => Promise<EdgeAnswer>;

const maxAttempts = 3;

/**
 * Sends requests on and gives the answers with their bodies untouched: tokens pass as they come. From the first byte
 * on the backend's own idle and total deadlines end a stream (docs/decisions/0013).
 */
export function createForward(options: ForwardOptions): Forward {
  const breakers: Record<ServiceName, Breaker> = {
    auth: createBreaker(),
    chat: createBreaker(),
    asset: createBreaker(),
  };
  return async (forwarded) => {
    const { upstream, request, body } = forwarded;
    const breaker = breakers[upstream.service];
    const url = `${upstream.origin}${request.path}${request.search}`;
    const headers = upstreamHeaders(forwarded, url);
    refuseWhileOpen(breaker, upstream);
    const startedAt = Date.now();
    try {
      const answer = await exchange({
        upstream,
        method: request.method,
        body,
        url,
        headers,
        requestId: request.requestId,
        firstByteMs: Math.min(options.firstByteSeconds, firstByteSeconds[upstream.service]) * 1_000,
        // An upstream that is known to fail is not asked three times as often for it.
        attempts: isRepeatable({ method: request.method, body }) && breaker.isCalm() ? maxAttempts : 1,
        send: options.send,
        onUpstreamFault: breaker.failed,
      });
      breaker.succeeded();
      if (isComplete(answer, request, headers)) return { status: answer.status, untouched: answer };
      return madeAnswer(request.headers, answer);
    } catch (error) {
      throw body.tooLarge() ?? error;
    } finally {
      request.upstreamMs = Date.now() - startedAt;
    }
  };
}

function refuseWhileOpen(breaker: Breaker, { service }: Upstream): void {
  const waitMs = breaker.wait();
  if (waitMs === 0) return;
  throw new AppError('unavailable', `The ${service} service is not available`, {
    retryAfterSeconds: Math.ceil(waitMs / 1_000),
  });
}

function upstreamHeaders({ upstream, request, assertion }: Forwarded, url: string): Record<string, string> {
  const offered = request.headers;
  const headers = headersForUpstream(offered, headRoom(url, assertion));
  setTrace(offered, headers);
  dictate(request, headers);
  if (isUpgrade(offered)) setUpgrade(offered, headers);
  if (upstream.open) Object.assign(headers, hopHeaders);
  if (request.address) headers[headerNames.clientAddress] = request.address;
  headers[headerNames.requestId] = request.requestId;
  headers[headerNames.assertion] = assertion;
  headers[headerNames.contract] = String(contractVersion);
  return headers;
}

function madeAnswer(asked: HeaderLookup, { status, headers: answered, body, webSocket }: Response): MadeAnswer {
  const headers = headersForClient(answered);
  if (webSocket) {
    const protocol = chosenProtocol(asked, answered);
    if (protocol !== null) headers['sec-websocket-protocol'] = protocol;
    return { status, headers, body: null, webSocket };
  }
  fitContentCoding(asked, headers);
  return { status, headers, body: body };
}
