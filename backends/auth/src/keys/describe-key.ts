import type { ChangeKeyBody, CreateKeyBody, KeyAnswer, KeyLimits } from '#shared/contracts/auth-keys.ts';
import type { KeyGrant } from './key-grant.ts';
import type { KeyChange, ManagedKey } from './key-vault.ts';

/** What a new key may do: what the request says, and for the rest what its creator may do. */
export function grantFrom(request: CreateKeyBody, ceiling: KeyGrant): KeyGrant {
  const { scopes, limits, allowed_models, allowed_origins, allowed_ips } = request;
  const harmless = ceiling.scopes.filter((scope) => scope !== 'admin' && scope !== 'keys:write');
  return {
    scopes: [...new Set(scopes ?? harmless)],
    limits: { ...ceiling.limits, ...limits },
    expiresAt: dateOf(request.expires_at, ceiling.expiresAt),
    allowedModels: allowed_models === undefined ? ceiling.allowedModels : allowed_models,
    allowedOrigins: allowed_origins === undefined ? ceiling.allowedOrigins : allowed_origins,
    allowedIps: allowed_ips === undefined ? ceiling.allowedIps : allowed_ips,
  };
}

/** Only what a request changes: what an imported key never had stays unsaid. */
export function changedGrant(request: ChangeKeyBody, before: ManagedKey): KeyChange {
  const { name, scopes, limits, expires_at, allowed_models, allowed_origins, allowed_ips } = request;
  return {
    ...(name !== undefined && { name }),
    ...(scopes !== undefined && { scopes: [...new Set(scopes)] }),
    ...(limits !== undefined && { limits: mergedLimits(before.limits, limits) }),
    ...(expires_at !== undefined && { expiresAt: dateOf(expires_at, null) }),
    ...(allowed_models !== undefined && { allowedModels: allowed_models }),
    ...(allowed_origins !== undefined && { allowedOrigins: allowed_origins }),
    ...(allowed_ips !== undefined && { allowedIps: allowed_ips }),
  };
}

export function describeKey(key: ManagedKey): KeyAnswer {
  return {
    id: key.id,
    name: key.name,
    prefix: key.prefix,
    last_four: key.lastFour,
    environment: key.environment,
    scopes: [...key.scopes],
    limits: key.limits,
    allowed_models: copied(key.allowedModels),
    allowed_origins: copied(key.allowedOrigins),
    allowed_ips: copied(key.allowedIps),
    is_active: key.isActive,
    expires_at: isoOf(key.expiresAt),
    last_used_at: isoOf(key.lastUsedAt),
    created_at: key.createdAt.toISOString(),
    updated_at: key.updatedAt.toISOString(),
    rotated_at: isoOf(key.rotatedAt),
    previous_key_expires_at: isoOf(key.previousExpiresAt),
    created_by_key_id: key.createdByKeyId,
  };
}

function mergedLimits(before: KeyLimits, change: NonNullable<ChangeKeyBody['limits']> | null): KeyLimits {
  if (change === null) return {};
  const { rpm, tpm, concurrency, budget } = { ...before, ...change };
  return {
    ...(typeof rpm === 'number' && { rpm }),
    ...(typeof tpm === 'number' && { tpm }),
    ...(typeof concurrency === 'number' && { concurrency }),
    ...(budget && { budget }),
  };
}

function dateOf(text: string | null | undefined, otherwise: Date | null): Date | null {
  if (text === undefined) return otherwise;
  return text === null ? null : new Date(text);
}

function copied(entries: readonly string[] | null): string[] | null {
  return entries === null ? null : [...entries];
}

function isoOf(date: Date | null): string | null {
  return date?.toISOString() ?? null;
}
