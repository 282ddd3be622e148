import type { AppError } from '#shared/http/error.ts';
import { headerNames, securityHeaders } from '#shared/http/headers.ts';
import { renderProblem, toAppError } from '#shared/http/problem.ts';
import { requestIdFrom } from '#shared/http/request-id.ts';
import type { Logger } from '#shared/log.ts';
import { requireCleanRequest } from './clean-request.ts';
import { corsHeaders, isPreflight, preflight, type Origins } from './cors.ts';
import type { Limits } from './limits/limits.ts';
import { readHeaders } from './header-lookup.ts';
import { rateLimitHeaders, type RateLimitState } from './limits/rate-limit.ts';
import { targetOf, type RequestTarget } from './request-target.ts';

/** What the gateway knows of a request. Responders add what they find out, for the log and for `Server-Timing`. */
export type EdgeRequest = RequestTarget & {
  raw: Request;
  /** Read once from `raw`, where each look crosses into the platform. */
  method: string;
  url: string;
  headers: ReadonlyMap<string, string>;
  requestId: string;
  startedAt: number;
  /** Milliseconds spent waiting for others; Workers' clocks move only with I/O, so our own CPU time shows as 0. */
  authMs: number;
  upstreamMs: number;
  upstream: string | undefined;
  userId: string | undefined;
  keyId: string | undefined;
  /** Where it came from, once a limit has looked; null where that cannot be known. */
  address: string | null | undefined;
  /** Where the caller stands with the limit that came closest to refusing it. */
  rateLimit: RateLimitState | undefined;
  /** Keeps work going after the answer. */
  waitUntil: (work: Promise<unknown>) => void;
};

/** By their names in lower case. A plain object crosses into the platform once, a Headers object for each header. */
export type AnswerHeaders = Record<string, string>;

/** An answer before it becomes a Response, so that all headers are set once and nothing is copied twice. */
export type MadeAnswer = {
  status: number;
  headers: AnswerHeaders;
  body: BodyInit | null;
  webSocket?: WebSocket | null;
};

/** A backend's answer that already has all it needs. */
export type UntouchedAnswer = { status: number; untouched: Response };

export type EdgeAnswer = MadeAnswer | UntouchedAnswer;

export type Responder = (request: EdgeRequest) => Promise<EdgeAnswer> | EdgeAnswer;

/** Answers a request, whatever happens. */
export type Answerer = (raw: Request, context: Pick<ExecutionContext, 'waitUntil'>) => Promise<Response>;

export type EdgeOptions = { log: Logger; origins: Origins; limits: Pick<Limits, 'byAddress'>; now?: () => number };

/**
 * What happens to every request, in this order: id, preflight, refusal of ambiguous URLs and of floods, the
 * responder, errors as problems, the headers every answer has, one log line. One function instead of a middleware
 * each: at the edge every Response and Headers made on the way costs more than all of our own code.
 */
export function edge({ log, origins, limits, now = Date.now }: EdgeOptions): (respond: Responder) => Answerer {
  return (respond) => async (raw, context) => {
    const request = edgeRequest(raw, now(), (work) => context.waitUntil(work));
    let answer: EdgeAnswer;
    try {
      answer = await answered(request, respond, { origins, limits });
    } catch (error) {
      answer = problemAnswer(error, request, log);
    }
    const endedAt = now();
    logRequest(log, request, answer.status, endedAt - request.startedAt);
    if ('untouched' in answer) return answer.untouched;
    finish(request, answer, origins, endedAt);
    return toResponse(request.method, answer);
  };
}

/** Where the time went, as `Server-Timing` says it: with us, and with whom we asked about the caller. */
export function timingOf({ startedAt, authMs, upstreamMs }: EdgeRequest, at = Date.now()): string {
  return `edge;dur=${Math.max(0, at - startedAt - authMs - upstreamMs)}, auth;dur=${authMs}`;
}

export function jsonAnswer(value: unknown, status = 200): EdgeAnswer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(value) };
}

function edgeRequest(raw: Request, startedAt: number, waitUntil: EdgeRequest['waitUntil']): EdgeRequest {
  const { url, method } = raw;
  const headers = readHeaders(raw.headers);
  return {
    ...targetOf(url),
    raw,
    method,
    url,
    headers,
    requestId: requestIdFrom(headers.get(headerNames.requestId)),
    startedAt,
    authMs: 0,
    upstreamMs: 0,
    upstream: undefined,
    userId: undefined,
    keyId: undefined,
    address: undefined,
    rateLimit: undefined,
    waitUntil,
  };
}

function answered(
  request: EdgeRequest,
  respond: Responder,
  { origins, limits }: Pick<EdgeOptions, 'origins' | 'limits'>,
): EdgeAnswer | Promise<EdgeAnswer> {
  if (isPreflight(request)) return preflight(request.headers, origins);
  requireCleanRequest(request);
  const counted = limits.byAddress(request);
  return counted ? counted.then(() => respond(request)) : respond(request);
}

function problemAnswer(thrown: unknown, request: EdgeRequest, log: Logger): MadeAnswer {
  const error = toAppError(thrown);
  if (error.status >= 500) logFailure(log, error, request);
  const { status, headers, body } = renderProblem(error, request);
  return { status, headers, body };
}

function logFailure(log: Logger, error: AppError, { requestId }: EdgeRequest): void {
  const fields = { code: error.code, error: error.cause ?? error, request_id: requestId };
  if (error.status === 500) log.error('unexpected error', fields);
  else log.warn('request failed', fields);
}

function finish(request: EdgeRequest, { headers }: MadeAnswer, origins: Origins, at: number): void {
  headers[headerNames.serverTiming] = `${timingOf(request, at)}, upstream;dur=${request.upstreamMs}`;
  headers[headerNames.requestId] = request.requestId;
  Object.assign(headers, securityHeaders);
  if (request.rateLimit) rateLimitHeaders(headers, request.rateLimit);
  corsHeaders(request.headers, headers, origins);
}

function logRequest(log: Logger, request: EdgeRequest, status: number, durationMs: number): void {
  log.info('request', {
    request_id: request.requestId,
    method: request.method,
    path: request.path,
    status,
    duration_ms: durationMs,
    upstream: request.upstream,
    user_id: request.userId,
    key_id: request.keyId,
  });
}

function toResponse(method: string, { status, headers, body, webSocket }: MadeAnswer): Response {
  if (webSocket) return new Response(null, { status, headers, webSocket });
  return new Response(method === 'HEAD' ? null : body, { status, headers });
}
