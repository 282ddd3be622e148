import { randomUUID } from 'node:crypto';
import type { ExchangeKeyBody } from '#shared/contracts/auth-keys.ts';
import { AppError } from '#shared/http/error.ts';
import { maxTokenLength } from '#shared/identity/canonical-token.ts';
import type { Scope } from '#shared/identity/principal.ts';
import type { AccessTokens } from '../tokens/access-tokens.ts';
import { ceilingOf } from './ceiling.ts';
import type { KeyVault } from './key-vault.ts';
import type { KeyCaller } from './manage-keys.ts';

export type KeyExchange = { vault: KeyVault; tokens: AccessTokens; now: () => Date };
export type ExchangedToken = { token: string; scopes: readonly Scope[]; lifetimeSeconds: number };

/** With these a token that got lost could make itself keys, which live longer than it. */
const neverInTokens: ReadonlySet<Scope> = new Set(['admin', 'keys:write']);

/**
 * The token is the key for a while: it counts on the key's limits, may do nothing that the key may not, and ends with
 * it, at the edge by the key's id, and never after the key's own expiry.
 */
export async function exchangeKey(
  { vault, tokens, now }: KeyExchange,
  { principal, actor }: KeyCaller,
  { scopes: asked, ttl_seconds: ttl }: ExchangeKeyBody,
): Promise<ExchangedToken> {
  const { keyId, userId } = principal;
  // A token of a key has a session id of its own: exchanging that again would let it live for ever.
  if (keyId === null || principal.sessionId) throw new AppError('invalid_request', 'Only a key can be exchanged');
  tokens.requireKey();
  return await vault.changing(actor, async (tx) => {
    const key = await ceilingOf(tx, principal, now());
    const scopes = grantedScopes(key.scopes, asked);
    const lifetimeSeconds = Math.min(ttl, secondsUntil(key.expiresAt, now()));
    const { budget: _ofTheKey, ...limits } = key.limits;
    const { allowedModels, allowedOrigins, allowedIps } = key;
    const restrictions = { allowedModels, allowedOrigins, allowedIps };
    const grant = { userId, keyId, sessionId: randomUUID(), scopes, limits, restrictions, lifetimeSeconds };
    // Only its time says which revocations of the key came before it, so it is taken from their clock, under the lock.
    const token = await tokens.issue({ ...grant, issuedAt: await tx.seconds() });
    if (token.length > maxTokenLength) {
      throw new AppError('conflict', 'The lists of this key are too long for a token: shorten them');
    }
    await tx.record('key.exchanged', { id: keyId }, { after: { scopes, ttl_seconds: lifetimeSeconds } });
    return { token, scopes, lifetimeSeconds };
  });
}

function grantedScopes(held: readonly Scope[], asked: readonly Scope[] | undefined): readonly Scope[] {
  const most = held.filter((scope) => !neverInTokens.has(scope));
  const excess = asked?.find((scope) => !most.includes(scope));
  if (excess !== undefined) throw new AppError('insufficient_scope', `${excess}: a token of this key may not have it`);
  return asked ? [...new Set(asked)] : most;
}

function secondsUntil(expiresAt: Date | null, now: Date): number {
  if (expiresAt === null) return Infinity;
  return Math.max(1, Math.floor((expiresAt.getTime() - now.getTime()) / 1_000));
}
