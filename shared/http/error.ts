/**
 * Every error a caller can see. Code that fails throws `new AppError(code, detail)`; this table alone
 * knows the status, whether trying again can help, and what OpenAI's and Anthropic's SDKs call it.
 */
export const errorTable = {
  invalid_request: row(400, 'Bad request', 'invalid_request_error'),
  malformed_json: row(400, 'Malformed JSON', 'invalid_request_error'),
  conflicting_credentials: row(400, 'Conflicting credentials', 'invalid_request_error'),
  unauthenticated: row(401, 'Unauthorized', 'authentication_error'),
  insufficient_scope: row(403, 'Insufficient scope', 'permission_error'),
  origin_not_allowed: row(403, 'Origin not allowed', 'permission_error'),
  address_not_allowed: row(403, 'Address not allowed', 'permission_error'),
  not_found: row(404, 'Not found', 'not_found_error'),
  method_not_allowed: row(405, 'Method not allowed', 'invalid_request_error'),
  request_timeout: row(408, 'Request timeout', 'invalid_request_error', { retryable: true }),
  conflict: row(409, 'Conflict', 'invalid_request_error'),
  payload_too_large: row(413, 'Payload too large', 'invalid_request_error', { anthropic: 'request_too_large' }),
  uri_too_long: row(414, 'URI too long', 'invalid_request_error'),
  unsupported_media_type: row(415, 'Unsupported media type', 'invalid_request_error'),
  expectation_failed: row(417, 'Expectation failed', 'invalid_request_error'),
  validation_failed: row(422, 'Validation failed', 'invalid_request_error'),
  upgrade_required: row(426, 'Upgrade required', 'invalid_request_error'),
  rate_limited: row(429, 'Too many requests', 'rate_limit_error', { retryable: true }),
  budget_exceeded: row(429, 'Budget exceeded', 'insufficient_quota', { anthropic: 'rate_limit_error' }),
  headers_too_large: row(431, 'Request header fields too large', 'invalid_request_error'),
  internal: row(500, 'Internal error', 'api_error'),
  upstream_failed: row(502, 'Bad gateway', 'api_error', { retryable: true }),
  unavailable: row(503, 'Service unavailable', 'api_error', { retryable: true, anthropic: 'overloaded_error' }),
  version_skew: row(503, 'Version skew', 'api_error', { retryable: true }),
  upstream_timeout: row(504, 'Gateway timeout', 'api_error', { retryable: true }),
} as const;

export type ErrorCode = keyof typeof errorTable;
export type FieldError = { path: string; message: string };

export type AppErrorOptions = {
  cause?: unknown;
  /** Which fields were wrong, for `validation_failed`. */
  errors?: FieldError[];
  /** Sent as `Retry-After`; retryable codes that leave it out say 1. */
  retryAfterSeconds?: number;
  headers?: Record<string, string>;
  /** True where a side effect may have started: stock SDKs are then told not to retry by themselves. */
  sideEffectPossible?: boolean;
  /** For us: asking the same service again cannot help, only somebody else. Callers are told the usual of the code. */
  isPermanent?: boolean;
};

/** The types of Workers do not know what V8 has on it. */
const errors: { prototype: Error; stackTraceLimit?: number | undefined } = Error;

/** An error whose `message` is fit for the caller; whatever only we may see goes into `cause`. */
export class AppError extends Error {
  override readonly name = 'AppError';
  readonly code: ErrorCode;
  readonly options: AppErrorOptions;

  /** What is the caller's own doing has no stack: nobody reads it, and it would be a tenth of what a refusal costs. */
  constructor(code: ErrorCode, detail: string, options: AppErrorOptions = {}) {
    const { stackTraceLimit } = errors;
    if (errorTable[code].status < 500) errors.stackTraceLimit = 0;
    super(detail, { cause: options.cause });
    errors.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.options = options;
  }

  get status(): (typeof errorTable)[ErrorCode]['status'] {
    return errorTable[this.code].status;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}

/** The one answer to every credential that is not good, so that nobody learns which part was wrong. */
export function unauthenticated(): AppError {
  return new AppError('unauthenticated', 'Could not validate credentials', {
    headers: { 'www-authenticate': 'Bearer' },
  });
}

function row<S extends number>(
  status: S,
  title: string,
  type: string,
  traits: { retryable?: boolean; anthropic?: string } = {},
): { status: S; title: string; type: string; anthropicType: string; retryable: boolean } {
  return { status, title, type, anthropicType: traits.anthropic ?? type, retryable: traits.retryable ?? false };
}
