import { AppError } from '#shared/http/error.ts';

const bearer = /^bearer +([^\s,]+)$/i;

/**
 * The credentials a request carries, each once: `X-API-Key` and `Authorization: Bearer` name the same kind of thing.
 * The platform joins a header that was sent twice with a comma, which no credential contains.
 */
export function credentialsOf(headers: Headers): readonly string[] {
  const apiKey = headers.get('x-api-key');
  const authorization = headers.get('authorization');
  if (apiKey?.includes(',') || authorization?.includes(',')) {
    throw new AppError('conflicting_credentials', 'A credential header may be sent only once');
  }
  const key = apiKey?.trim() ?? null;
  const token = authorization === null ? null : bearerToken(authorization);
  if (key !== null && token !== null && key !== token) return [key, token];
  const only = key ?? token;
  return only === null ? [] : [only];
}

/** An `Authorization` of any other scheme counts as a credential that is not good, never as none. */
function bearerToken(authorization: string): string {
  return bearer.exec(authorization.trim())?.[1] ?? '';
}
