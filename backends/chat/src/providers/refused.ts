import { AppError, type ErrorCode } from '#shared/http/error.ts';
import { mask } from '#shared/log.ts';

export type VendorHeaders = Record<string, string | string[] | undefined>;

/** A vendor's answer that is not 200, without our key. */
export type Refused = { status: number; headers: VendorHeaders; text: string };

/** What a vendor's protocol makes of it. */
export type RefusalReading = {
  /** As the vendor's own SDK would throw it; for the log only. */
  error: Error;
  /** For the caller, where the refusal is about the request. */
  message: string | null;
  /** The field that the vendor names. */
  param: string | null;
  /** Whether our key, bill or spending limit is at fault, whatever the status pretends. */
  isAboutOurAccount: boolean;
};

const maxRetryAfterSeconds = 3_600;
const maxMessageLength = 1_000;

/** The refusals that are about the request; any other 4xx (our key, our bill) is not the caller's affair. */
const requestErrors: Record<number, ErrorCode | undefined> = {
  400: 'invalid_request',
  404: 'invalid_request',
  413: 'payload_too_large',
  422: 'invalid_request',
};

const vendorErrors: Record<number, ErrorCode | undefined> = {
  408: 'upstream_timeout',
  429: 'rate_limited',
  503: 'unavailable',
  504: 'upstream_timeout',
  529: 'unavailable',
};

/** About our key, our bill or our base URL: the next request would meet the same. */
const oursToMend = new Set([401, 402, 403, 404]);

const vendorDetails: Partial<Record<ErrorCode, string>> = {
  rate_limited: 'The provider takes no more requests at the moment',
  unavailable: 'The provider is overloaded or down',
  upstream_timeout: 'The provider did not answer in time',
};

export function refusal({ status, headers }: Refused, reading: RefusalReading): AppError {
  const code = requestErrorOf(status, reading);
  if (code) return requestRefused(code, reading);
  const vendorCode = (reading.isAboutOurAccount ? undefined : vendorErrors[status]) ?? 'upstream_failed';
  const detail = vendorDetails[vendorCode] ?? 'The provider failed to answer';
  const isPermanent = reading.isAboutOurAccount || oursToMend.has(status);
  const options = { cause: reading.error, ...retryAfter(headers), ...(isPermanent && { isPermanent }) };
  return new AppError(vendorCode, detail, options);
}

/** What may stand in a log or an answer of what a vendor says. No more is masked than could be shown. */
export function presentable(message: string): string {
  return mask(message.slice(0, 2 * maxMessageLength)).slice(0, maxMessageLength);
}

/** What is worth keeping of the vendor's headers: no cookies, nothing about our account, nothing that `Headers` refuses. */
export function keptHeaders(headers: VendorHeaders): Headers {
  const kept = new Headers();
  for (const name of ['request-id', 'x-request-id', 'retry-after', 'retry-after-ms']) {
    const value = String(headers[name] ?? '');
    if (/^[\x21-\x7e][\x20-\x7e]*$/.test(value)) kept.set(name, value);
  }
  return kept;
}

/** A 404 that says nothing in the vendor's own words comes from somebody else: our base URL is wrong. */
function requestErrorOf(status: number, { isAboutOurAccount, message }: RefusalReading): ErrorCode | undefined {
  if (isAboutOurAccount || (status === 404 && message === null)) return undefined;
  return requestErrors[status];
}

function requestRefused(code: ErrorCode, { error: cause, message, param }: RefusalReading): AppError {
  const detail = message === null ? 'The provider refused the request' : presentable(message);
  const errors = param ? { errors: [{ path: param.slice(0, 200), message: detail }] } : {};
  return new AppError(code, detail, { cause, ...errors });
}

/** Seconds, a date, or OpenAI's milliseconds. */
function retryAfter(headers: VendorHeaders): { retryAfterSeconds?: number } {
  const seconds = secondsUntilRetry(String(headers['retry-after-ms'] ?? ''), String(headers['retry-after'] ?? ''));
  if (!Number.isFinite(seconds)) return {};
  return { retryAfterSeconds: Math.min(Math.max(Math.ceil(seconds), 0), maxRetryAfterSeconds) };
}

function secondsUntilRetry(milliseconds: string, value: string): number {
  const isNumber = /^\d+(?:\.\d+)?$/;
  if (isNumber.test(milliseconds)) return Number(milliseconds) / 1_000;
  return isNumber.test(value) ? Number(value) : (Date.parse(value) - Date.now()) / 1_000;
}
