import type { Context, Env, ErrorHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { Logger } from '../log.ts';
import { AppError, errorTable, type ErrorCode } from './error.ts';
import { renderProblem, toAppError } from './problem.ts';
import type { RequestIdVariables } from './request-id.ts';

/** The only place where a thrown value becomes an answer. A 500 is logged with its cause and shows none of it. */
export function onError<E extends Env & { Variables: RequestIdVariables }>(log: Logger): ErrorHandler<E> {
  return (thrown, c) => {
    const error = toAppError(thrown instanceof HTTPException ? fromHttpException(thrown) : thrown);
    if (error.status >= 500) {
      const fields = { code: error.code, error: error.cause ?? error, request_id: c.get('requestId') };
      if (error.status === 500) log.error('unexpected error', fields);
      else log.warn('request failed', fields);
    }
    return problemResponse(error, c);
  };
}

/** Renders an error as this request's answer, for the few places that answer without throwing. */
export function problemResponse<E extends Env & { Variables: RequestIdVariables }>(
  error: AppError,
  c: Context<E>,
): Response {
  const { status, headers, body } = renderProblem(error, { path: c.req.path, requestId: c.get('requestId') });
  return new Response(c.req.method === 'HEAD' ? null : body, { status, headers });
}

function fromHttpException(exception: HTTPException): AppError {
  const code = Object.entries(errorTable).find(([, entry]) => entry.status === exception.status)?.[0];
  if (!isErrorCode(code)) return new AppError('internal', 'Something went wrong on our side', { cause: exception });
  return new AppError(code, exception.message || errorTable[code].title, { cause: exception });
}

function isErrorCode(code: string | undefined): code is ErrorCode {
  return code !== undefined && code in errorTable;
}
