import { unauthenticated } from '#shared/http/error.ts';
import type { Scope, UserPrincipal } from '#shared/identity/principal.ts';
import { heldScopes, type KeyGrant } from './key-grant.ts';
import type { KeyTransaction } from './key-vault.ts';

/**
 * The most that a caller may give away: what the credential said, cut down to what its key and user may do at this
 * moment. A key that was revoked a second ago cannot make itself a successor.
 */
export async function ceilingOf(tx: KeyTransaction, principal: UserPrincipal, now: Date): Promise<KeyGrant> {
  const scopes = heldScopes(principal.scopes).filter((scope) => scope !== 'admin' || tx.isAdmin);
  if (principal.keyId === null) return { ...unrestricted, scopes, limits: principal.limits };
  const key = await tx.find(principal.keyId);
  if (!key || !isUsable(key, now)) throw unauthenticated();
  const held = heldScopes(key.scopes);
  return { ...key, scopes: scopes.filter((scope: Scope) => held.includes(scope)) };
}

export function isUsable({ isActive, expiresAt }: { isActive: boolean; expiresAt: Date | null }, now: Date): boolean {
  return isActive && (expiresAt === null || expiresAt > now);
}

const unrestricted = { expiresAt: null, allowedModels: null, allowedOrigins: null, allowedIps: null };
