import { AppError } from '#shared/http/error.ts';
import { headerNames } from '#shared/http/headers.ts';
import { startDeadline, type Deadline } from './deadline.ts';
import { livenessOf } from './liveness.ts';
import type { LimitedBody } from '../limits/body-limit.ts';
import type { Upstream } from './table.ts';

export type ExchangeOptions = {
  upstream: Upstream;
  method: string;
  body: LimitedBody;
  url: string;
  headers: Record<string, string>;
  requestId: string;
  firstByteMs: number;
  attempts: number;
  send: typeof fetch;
  /** Told before the failure is thrown, and only where it was the upstream that failed. */
  onUpstreamFault: () => void;
};

const livenessMs = 2_000;

/** Gets the upstream's answer, up to its first byte. Fails with an AppError that says what happened and no more. */
export async function exchange(options: ExchangeOptions): Promise<Response> {
  const { method, body, headers, send } = options;
  const deadline = startDeadline({ origin: options.upstream.origin, firstByteMs: options.firstByteMs, send });
  // When the client leaves, the platform cancels this by itself.
  const init = {
    method,
    headers,
    body: body.stream,
    redirect: 'manual',
    ...(body.cut && { signal: body.cut }),
  } as const;
  try {
    return await attempted(options, init, deadline);
  } catch (cause) {
    if (await isUpstreamsFault(options, deadline)) options.onUpstreamFault();
    throw deadline.isOver() ? tooSlow(options, cause) : unreachable(options, cause);
  } finally {
    deadline.stop();
  }
}

async function attempted(
  { attempts, url, requestId, send }: ExchangeOptions,
  init: RequestInit,
  deadline: Deadline,
): Promise<Response> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await deadline.within(send(url, init));
      if (!isFromBackend(answer, requestId)) await refuse(answer);
      return answer;
    } catch (error) {
      if (attempt >= attempts || deadline.isOver()) throw error;
    }
    await jitteredPause(attempt);
  }
}

/**
 * A client that breaks off its upload, or never ends it, looks here just like an upstream that does. Counted against
 * the upstream, it would let anybody open the circuit for everybody, so an upstream that is alive is not to blame.
 */
async function isUpstreamsFault({ upstream, body, send }: ExchangeOptions, deadline: Deadline): Promise<boolean> {
  if (deadline.isOver()) return deadline.isGone();
  return body.stream === null || (await livenessOf(upstream.origin, livenessMs, send)) !== 'alive';
}

/**
 * Whether sending it twice does no harm. workerd says "Network connection lost" for a refused connection and for one
 * that broke after the request had arrived, so nothing else can ever be known not to have started.
 */
export function isRepeatable({ method, body }: Pick<ExchangeOptions, 'method' | 'body'>): boolean {
  return (method === 'GET' || method === 'HEAD') && body.stream === null;
}

/**
 * A 502, 503 or 504 that does not repeat our request id was not made by our backend but by a proxy before it that
 * could not reach it. Statuses beyond HTTP's, and upgrades nobody asked for, come from no HTTP server at all.
 */
function isFromBackend({ status, headers, webSocket }: Response, requestId: string): boolean {
  const isHttp = (status >= 200 && status < 600) || Boolean(webSocket);
  const isGatewayStatus = status >= 502 && status <= 504;
  return isHttp && (!isGatewayStatus || headers.get(headerNames.requestId) === requestId);
}

async function refuse({ status, body }: Response): Promise<never> {
  await body?.cancel();
  throw new Error(`something before the backend answered ${status}`);
}

async function jitteredPause(attempt: number): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, 50 * attempt * (1 + Math.random()));
  });
}

function tooSlow(options: ExchangeOptions, cause: unknown): AppError {
  return new AppError('upstream_timeout', `The ${options.upstream.service} service took too long to answer`, {
    cause,
    sideEffectPossible: !isRepeatable(options),
  });
}

/** A request that may have arrived may have had its effect, so SDKs are told not to repeat it by themselves. */
function unreachable(options: ExchangeOptions, cause: unknown): AppError {
  return new AppError('upstream_failed', `The ${options.upstream.service} service cannot be reached`, {
    cause,
    sideEffectPossible: !isRepeatable(options),
  });
}
