import { AppError, unauthenticated } from '#shared/http/error.ts';
import { hashApiKey, isPlausibleApiKey } from '#shared/identity/api-key.ts';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import type { KnownKeys } from '../keys/key-cache.ts';
import type { Revocations, WaitUntil } from '../keys/revocations.ts';
import { credentialsOf } from './credentials.ts';
import type { TokenVerifier } from './jwt.ts';
import { isTokenShaped } from './token-text.ts';

/** Who a request acts for, and from where its credential may be used. */
export type Caller = Pick<ResolvedKey, 'principal' | 'restrictions'>;

export type Identities = {
  keys: KnownKeys;
  tokens: TokenVerifier;
  revocations: Revocations;
};

/** Tells who a request acts for, or refuses it. Two credentials are fine as long as they name the same user. */
export async function authenticate(headers: Headers, identities: Identities, waitUntil: WaitUntil): Promise<Caller> {
  const [first, second] = credentialsOf(headers);
  if (first === undefined) throw unauthenticated();
  if (second === undefined) return await callerOf(first, identities, waitUntil);
  const [one, other] = await Promise.all([
    callerOf(first, identities, waitUntil),
    callerOf(second, identities, waitUntil),
  ]);
  if (one.principal.userId !== other.principal.userId) {
    throw new AppError('conflicting_credentials', 'The credentials name different users');
  }
  return one;
}

/** The one place that tells the kinds of credentials apart. */
async function callerOf(credential: string, identities: Identities, waitUntil: WaitUntil): Promise<Caller> {
  if (isTokenShaped(credential)) return await callerOfToken(credential, identities, waitUntil);
  return await callerOfKey(credential, identities, waitUntil);
}

async function callerOfKey(key: string, { keys, revocations }: Identities, waitUntil: WaitUntil): Promise<Caller> {
  if (!isPlausibleApiKey(key)) throw unauthenticated();
  await revocations.current(waitUntil);
  const resolved = await keys.find(await hashApiKey(key), waitUntil);
  if (!resolved) throw unauthenticated();
  return resolved;
}

async function callerOfToken(token: string, identities: Identities, waitUntil: WaitUntil): Promise<Caller> {
  await identities.revocations.current(waitUntil);
  const caller = await identities.tokens.verify(token);
  if (!caller) throw unauthenticated();
  return caller;
}
