import type { Scope, UserPrincipal } from '#shared/identity/principal.ts';
import type { ResolvedKey, Restrictions } from '#shared/identity/resolved-key.ts';

/** A key and its owner as they are stored. */
export type StoredKey = {
  id: string;
  userId: string;
  scopes: readonly Scope[];
  limits: UserPrincipal['limits'];
  allowedModels: string[] | null;
  restrictions: Restrictions;
  isActive: boolean;
  expiresAt: Date | null;
  revokedAt: Date | null;
  userDisabledAt: Date | null;
};

export type KeyRepository = { findByHash: (keyHash: string) => Promise<StoredKey | null> };

/** Null for a key that must not work, whatever the reason: the caller is never told which. */
export async function resolveKey(keys: KeyRepository, keyHash: string, now: Date): Promise<ResolvedKey | null> {
  const key = await keys.findByHash(keyHash);
  if (!key || !isUsable(key, now)) return null;
  return {
    principal: {
      kind: 'user',
      userId: key.userId,
      keyId: key.id,
      scopes: [...key.scopes],
      limits: key.limits,
      ...(key.allowedModels && { allowedModels: key.allowedModels }),
    },
    restrictions: key.restrictions,
    expiresAt: key.expiresAt?.toISOString() ?? null,
  };
}

function isUsable(key: StoredKey, now: Date): boolean {
  if (!key.isActive || key.revokedAt || key.userDisabledAt) return false;
  return key.expiresAt === null || key.expiresAt > now;
}
