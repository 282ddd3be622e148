import { AppError, unauthenticated } from '#shared/http/error.ts';
import { hashApiKey, isPlausibleApiKey } from '#shared/identity/api-key.ts';
import type { Principal } from '#shared/identity/principal.ts';
import type { KeyStore } from '../keys/key-store.ts';
import { credentialsOf } from './credentials.ts';

/** Tells who a request acts for, or refuses it. Two credentials are fine as long as they name the same user. */
export async function authenticate(headers: Headers, keys: KeyStore): Promise<Principal> {
  const credentials = credentialsOf(headers);
  const principals = await Promise.all(credentials.map((credential) => principalOf(credential, keys)));
  const [first, ...others] = principals;
  if (!first) throw unauthenticated();
  if (others.some((other) => userId(other) !== userId(first))) {
    throw new AppError('conflicting_credentials', 'The credentials name different users');
  }
  return first;
}

async function principalOf(credential: string, keys: KeyStore): Promise<Principal> {
  if (!isPlausibleApiKey(credential)) throw unauthenticated();
  const resolved = await keys.find(await hashApiKey(credential));
  if (!resolved || resolved.principal.kind !== 'user') throw unauthenticated();
  return resolved.principal;
}

function userId(principal: Principal): string | null {
  return principal.kind === 'user' ? principal.userId : null;
}
