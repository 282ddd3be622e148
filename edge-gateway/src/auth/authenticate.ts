import { AppError, unauthenticated } from '#shared/http/error.ts';
import { hashApiKey, isPlausibleApiKey } from '#shared/identity/api-key.ts';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import type { KnownKeys } from '../keys/key-cache.ts';
import type { Revocations, WaitUntil } from '../keys/revocations.ts';
import type { HeaderLookup } from '../header-lookup.ts';
import type { CredentialHashes } from './credential-hashes.ts';
import { credentialsOf } from './credentials.ts';
import type { TokenVerifier } from './jwt.ts';
import { isTokenShaped } from './token-text.ts';

/** Who a request acts for, and from where its credential may be used. */
export type Caller = Pick<ResolvedKey, 'principal' | 'restrictions'>;

export type Identities = {
  keys: KnownKeys;
  tokens: TokenVerifier;
  revocations: Revocations;
  hashes: CredentialHashes;
};

/**
 * Tells who a request acts for, or refuses it. Not a promise where the caller came before and nothing about it has to
 * be asked anew, which is most requests.
 */
export function authenticate(
  headers: HeaderLookup,
  identities: Identities,
  waitUntil: WaitUntil,
): Caller | Promise<Caller> {
  const [first, second] = credentialsOf(headers);
  if (first === undefined) throw unauthenticated();
  if (second === undefined) return recalled(first, identities) ?? callerOf(first, identities, waitUntil);
  return callerOfBoth([first, second], identities, waitUntil);
}

/** What is remembered is asked the same questions as ever: is it too old, is it revoked, are revocations current? */
function recalled(credential: string, { hashes, keys, tokens, revocations }: Identities): Caller | null {
  const hash = hashes.known(credential);
  if (hash === undefined || !revocations.areFresh()) return null;
  return isTokenShaped(credential) ? tokens.recall(hash) : keys.recall(hash);
}

/** Two credentials are fine as long as they name the same user. Nobody is asked about one next to what can be none. */
async function callerOfBoth(
  both: readonly [string, string],
  identities: Identities,
  waitUntil: WaitUntil,
): Promise<Caller> {
  if (!both.every(isPlausible)) throw unauthenticated();
  const [first, second] = both;
  const [one, other] = await Promise.all([
    callerOf(first, identities, waitUntil),
    callerOf(second, identities, waitUntil),
  ]);
  if (one.principal.userId !== other.principal.userId) {
    throw new AppError('conflicting_credentials', 'The credentials name different users');
  }
  return one;
}

/** The one place that tells the kinds of credentials apart. Throws at once for what can be none. */
function callerOf(credential: string, identities: Identities, waitUntil: WaitUntil): Promise<Caller> {
  if (!isPlausible(credential)) throw unauthenticated();
  const find = isTokenShaped(credential) ? callerOfToken : callerOfKey;
  return remembered(credential, identities, find(credential, identities, waitUntil));
}

function isPlausible(credential: string): boolean {
  return isTokenShaped(credential) || isPlausibleApiKey(credential);
}

async function remembered(credential: string, { hashes }: Identities, finding: Promise<Caller>): Promise<Caller> {
  const caller = await finding;
  await hashes.remember(credential);
  return caller;
}

async function callerOfKey(key: string, { keys, revocations }: Identities, waitUntil: WaitUntil): Promise<Caller> {
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
