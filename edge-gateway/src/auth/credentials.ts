import { AppError } from '#shared/http/error.ts';

const bearer = /^bearer +([^\s,]+)$/i;

/**
 * The credentials a request carries, each once: `X-API-Key` and `Authorization: Bearer` name the same kind of thing.
 * The platform joins a header that was sent twice with a comma, which no credential contains.
 */
export function credentialsOf(headers: Headers): string[] {
  const apiKey = headers.get('x-api-key');
  const authorization = headers.get('authorization');
  if (apiKey?.includes(',') || authorization?.includes(',')) {
    throw new AppError('conflicting_credentials', 'A credential header may be sent only once');
  }
  const found = [apiKey?.trim(), authorization === null ? undefined : bearerToken(authorization)];
  return [...new Set(found.filter((credential) => credential !== undefined))];
}

/** An `Authorization` of any other scheme counts as a credential that is not good, never as none. */
function bearerToken(authorization: string): string {
  return bearer.exec(authorization.trim())?.[1] ?? '';
}
