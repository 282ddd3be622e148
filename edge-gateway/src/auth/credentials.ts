import { AppError } from '#shared/http/error.ts';
import type { HeaderLookup } from '../header-lookup.ts';

const bearer = /^bearer +([^\s,]+)$/i;

/**
 * The credentials a request carries, each once: `X-API-Key` and `Authorization: Bearer` name the same kind of thing.
 * The platform joins a header that was sent twice with a comma, which no credential contains.
 */
export function credentialsOf(headers: HeaderLookup): readonly string[] {
  const apiKey = headers.get('x-api-key') ?? null;
  const authorization = headers.get('authorization') ?? null;
  if (apiKey?.includes(',') || authorization?.includes(',')) {
    throw new AppError('conflicting_credentials', 'A credential header may be sent only once');
  }
  return distinct(apiKey?.trim() ?? null, authorization === null ? null : bearerToken(authorization));
}

function distinct(key: string | null, token: string | null): readonly string[] {
  if (key === null) return token === null ? [] : [token];
  return token === null || token === key ? [key] : [key, token];
}

/** An `Authorization` of any other scheme counts as a credential that is not good, never as none. */
function bearerToken(authorization: string): string {
  return bearer.exec(authorization.trim())?.[1] ?? '';
}
