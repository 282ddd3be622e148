import { maskCredentials } from '../log.ts';
import { AppError, errorTable, type ErrorCode, type FieldError } from './error.ts';

/** The body of every error answer (RFC 9457); `error` is the shape that OpenAI's SDKs read. */
export type Problem = {
  type: string;
  title: string;
  status: number;
  detail: string;
  instance: string;
  code: ErrorCode;
  request_id: string;
  errors?: FieldError[];
  error: { message: string; type: string; code: ErrorCode; param: string | null };
};

/** The same under `/v1/messages`, where Anthropic's SDKs read it. */
export type AnthropicProblem = {
  type: 'error';
  error: { type: string; message: string };
  request_id: string;
};

export type ProblemContext = { path: string; requestId: string };
export type RenderedProblem = { status: number; headers: Record<string, string>; body: string };

/** Renders any thrown value as the one error shape. What is not an AppError is our bug and shows nothing. */
export function renderProblem(thrown: unknown, context: ProblemContext): RenderedProblem {
  const error = toAppError(thrown);
  const anthropic = isAnthropicPath(context.path);
  const body = anthropic ? anthropicProblem(error, context) : problem(error, context);
  return {
    status: error.status,
    headers: problemHeaders(error, context, anthropic),
    body: JSON.stringify(body),
  };
}

/** What a caller may be told about a thrown value. */
export function toAppError(thrown: unknown): AppError {
  if (thrown instanceof AppError) return thrown;
  return new AppError('internal', 'Something went wrong on our side', { cause: thrown });
}

function problem(error: AppError, context: ProblemContext): Problem {
  const { status, title, type } = errorTable[error.code];
  const detail = maskCredentials(error.message);
  const errors = error.options.errors?.map(maskedField);
  return {
    type: `urn:gaia:error:${error.code}`,
    title,
    status,
    detail,
    instance: maskCredentials(context.path),
    code: error.code,
    request_id: context.requestId,
    ...(errors && { errors }),
    error: { message: detail, type, code: error.code, param: errors?.[0]?.path ?? null },
  };
}

/** Names of fields are the caller's own words, and somebody's key may be among them. */
function maskedField({ path, message }: FieldError): FieldError {
  return { path: maskCredentials(path), message: maskCredentials(message) };
}

function anthropicProblem(error: AppError, context: ProblemContext): AnthropicProblem {
  return {
    type: 'error',
    error: { type: errorTable[error.code].anthropicType, message: maskCredentials(error.message) },
    request_id: context.requestId,
  };
}

function problemHeaders(error: AppError, context: ProblemContext, anthropic: boolean): Record<string, string> {
  const retryAfter = error.options.retryAfterSeconds ?? (error.retryable ? 1 : undefined);
  return {
    'content-type': anthropic ? 'application/json' : 'application/problem+json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': context.requestId,
    ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
    ...(error.options.sideEffectPossible && { 'x-should-retry': 'false' }),
    ...error.options.headers,
  };
}

function isAnthropicPath(path: string): boolean {
  return path === '/v1/messages' || path.startsWith('/v1/messages/');
}
