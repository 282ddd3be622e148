import type * as z from 'zod';
import { AppError } from '#shared/http/error.ts';

/** For a request that is well-formed enough for a route, and not for the stand-in. */
export function invalidLocalRequest(error: z.ZodError): AppError {
  const errors = error.issues.map(({ path, message }) => ({ path: path.map(String).join('.'), message }));
  return new AppError('validation_failed', 'The local stand-in does not understand the request', { errors });
}
