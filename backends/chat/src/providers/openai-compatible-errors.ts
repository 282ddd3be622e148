import * as z from 'zod';
import { AppError, type ErrorCode } from '#shared/http/error.ts';
import { mask } from '#shared/log.ts';

type Headers = Record<string, string | string[] | undefined>;

const maxRetryAfterSeconds = 3_600;

/** The refusals that are about the request; any other 4xx (our key, our bill) is not the caller's affair. */
const requestErrors: Record<number, ErrorCode | undefined> = {
  400: 'invalid_request',
  404: 'invalid_request',
  413: 'payload_too_large',
  422: 'invalid_request',
};

const vendorErrors: Record<number, ErrorCode | undefined> = {
  429: 'rate_limited',
  503: 'unavailable',
  504: 'upstream_timeout',
  529: 'unavailable',
};

const vendorDetails: Partial<Record<ErrorCode, string>> = {
  rate_limited: 'The provider takes no more requests at the moment',
  unavailable: 'The provider is overloaded or down',
  upstream_timeout: 'The provider did not answer in time',
};

const unreachable = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);
const connectTimeouts = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);

/** What OpenAI sends (`{error: {message, param}}`), and what others make of it. */
const Refusal = z.union([
  z.object({ error: z.object({ message: z.string(), param: z.string().nullish() }) }),
  z.object({ error: z.string() }).transform(({ error }) => ({ error: { message: error, param: null } })),
  z.object({ message: z.string() }).transform(({ message }) => ({ error: { message, param: null } })),
]);

/** Translates a vendor's answer that is not 200. */
export function refusal(status: number, headers: Headers, body: string): AppError {
  const cause = new Error(`The vendor answered ${status}: ${mask(body).slice(0, 1_000)}`);
  const code = requestErrors[status];
  if (code) return requestRefused(code, body, cause);
  const vendorCode = vendorErrors[status] ?? 'upstream_failed';
  const detail = vendorDetails[vendorCode] ?? 'The provider failed to answer';
  return new AppError(vendorCode, detail, { cause, ...retryAfter(headers) });
}

/** Translates a failure to get any answer at all. */
export function transportError(cause: unknown): AppError {
  const code = errorCode(cause);
  if (unreachable.has(code)) return new AppError('unavailable', 'The provider cannot be reached', { cause });
  if (connectTimeouts.has(code)) return new AppError('upstream_timeout', 'The provider cannot be reached', { cause });
  if (code === 'UND_ERR_HEADERS_TIMEOUT') {
    return new AppError('upstream_timeout', 'The provider did not answer in time', { cause, sideEffectPossible: true });
  }
  return unusable('The provider closed the connection without an answer', cause);
}

/** The vendor has worked, and perhaps charged, for an answer that cannot be used. */
export function unusable(detail: string, cause?: unknown): AppError {
  return new AppError('upstream_failed', detail, { cause, sideEffectPossible: true });
}

function requestRefused(code: ErrorCode, body: string, cause: Error): AppError {
  const parsed = Refusal.safeParse(parsedOrNothing(body));
  if (!parsed.success) return new AppError(code, 'The provider refused the request', { cause });
  const { message, param } = parsed.data.error;
  const detail = mask(message).slice(0, 1_000);
  return new AppError(code, detail, {
    cause,
    ...(param && { errors: [{ path: param.slice(0, 200), message: detail }] }),
  });
}

function retryAfter(headers: Headers): { retryAfterSeconds?: number } {
  const value = String(headers['retry-after'] ?? '');
  const seconds = /^\d+(?:\.\d+)?$/.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1000;
  if (!Number.isFinite(seconds)) return {};
  return { retryAfterSeconds: Math.min(Math.max(Math.ceil(seconds), 0), maxRetryAfterSeconds) };
}

function errorCode(cause: unknown): string {
  if (!(cause instanceof Error)) return '';
  if ('code' in cause && typeof cause.code === 'string') return cause.code;
  return errorCode(cause.cause);
}

function parsedOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
