import { contractVersion } from '#shared/contract-version.ts';
import { AppError } from '#shared/http/error.ts';
import { headerNames } from '#shared/http/headers.ts';
import type { EdgeAnswer, EdgeRequest } from '../edge.ts';
import { headersForClient, headersForUpstream } from './forwarded-headers.ts';
import type { Upstream } from './table.ts';

export type ForwardOptions = {
  upstream: Upstream;
  request: EdgeRequest;
  assertion: string;
  firstByteMs: number;
  send: typeof fetch;
};

/**
 * Sends a request on and gives the answer with its body untouched: tokens pass as they come. The deadline covers the
 * time until the first byte; after that the backend's own idle and total deadlines end a stream.
 */
export async function forward(options: ForwardOptions): Promise<EdgeAnswer> {
  const { upstream, request, send, firstByteMs } = options;
  const { raw, path, search } = request;
  const startedAt = Date.now();
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(), firstByteMs);
  try {
    const answer = await send(`${upstream.origin}${path}${search}`, {
      method: raw.method,
      headers: upstreamHeaders(options),
      body: raw.body,
      redirect: 'manual',
      // When the client leaves, the platform cancels this by itself.
      signal: deadline.signal,
    });
    return { status: answer.status, headers: headersForClient(answer.headers), body: answer.body };
  } catch (cause) {
    throw deadline.signal.aborted ? tooSlow(upstream, cause) : unreachable(raw, upstream, cause);
  } finally {
    clearTimeout(timer);
    request.upstreamMs = Date.now() - startedAt;
  }
}

function upstreamHeaders({ request, assertion }: ForwardOptions): Headers {
  const headers = headersForUpstream(request.raw.headers);
  headers.set(headerNames.requestId, request.requestId);
  headers.set(headerNames.assertion, assertion);
  headers.set(headerNames.contract, String(contractVersion));
  return headers;
}

function tooSlow({ service }: Upstream, cause: unknown): AppError {
  return new AppError('upstream_timeout', `The ${service} service took too long to answer`, { cause });
}

/** A request whose body may have arrived may have had its effect, so SDKs are told not to repeat it by themselves. */
function unreachable(request: Request, { service }: Upstream, cause: unknown): AppError {
  const sideEffectPossible = request.method !== 'GET' && request.method !== 'HEAD';
  return new AppError('upstream_failed', `The ${service} service cannot be reached`, { cause, sideEffectPossible });
}
