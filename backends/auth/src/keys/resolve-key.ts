import type { Scope } from '#shared/identity/principal.ts';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';

/** A key and its owner as they are stored. */
export type StoredKey = {
  id: string;
  userId: string;
  /** Null on keys imported from an older system, which knew no scopes. */
  scopes: readonly Scope[] | null;
  limits: { rpm?: number; tpm?: number; concurrency?: number };
  isActive: boolean;
  expiresAt: Date | null;
  revokedAt: Date | null;
  userDisabledAt: Date | null;
};

export type KeyRepository = { findByHash: (keyHash: string) => Promise<StoredKey | null> };

/** What a key without scopes of its own may do: everything its owner could do before there were scopes. */
const importedKeyScopes: readonly Scope[] = [
  'chat:write',
  'chat:read',
  'assets:write',
  'assets:read',
  'keys:write',
  'usage:read',
];

/** Null for a key that must not work, whatever the reason: the caller is never told which. */
export async function resolveKey(keys: KeyRepository, keyHash: string, now: Date): Promise<ResolvedKey | null> {
  const key = await keys.findByHash(keyHash);
  if (!key || !isUsable(key, now)) return null;
  return {
    principal: {
      kind: 'user',
      userId: key.userId,
      keyId: key.id,
      scopes: [...(key.scopes ?? importedKeyScopes)],
      limits: key.limits,
    },
    expiresAt: key.expiresAt?.toISOString() ?? null,
  };
}

function isUsable(key: StoredKey, now: Date): boolean {
  if (!key.isActive || key.revokedAt || key.userDisabledAt) return false;
  return key.expiresAt === null || key.expiresAt > now;
}
