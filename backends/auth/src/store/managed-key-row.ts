import { sql, type SQL } from 'drizzle-orm';
import * as z from 'zod';
import { KeyLimitsSchema } from '#shared/contracts/auth-keys.ts';
import { apiKeys } from '#shared/db/schema.ts';
import { importedKeyScopes } from '#shared/identity/imported-key-scopes.ts';
import { scopes } from '#shared/identity/principal.ts';
import type { KeyChange, KeyRotation, ManagedKey } from '../keys/key-vault.ts';
import { keyExpiry } from './key-expiry.ts';

/** All that an owner may see. The hashes are not among it, so that no answer and no log can hold one. */
export const managedKeyColumns = {
  id: apiKeys.id,
  userId: apiKeys.userId,
  name: apiKeys.name,
  prefix: apiKeys.prefix,
  lastFour: apiKeys.lastFour,
  environment: apiKeys.environment,
  scopes: apiKeys.scopes,
  limits: apiKeys.limits,
  allowedModels: apiKeys.allowedModels,
  allowedOrigins: apiKeys.allowedOrigins,
  allowedIps: apiKeys.allowedIps,
  isActive: apiKeys.isActive,
  expiresAt: keyExpiry,
  lastUsedAt: apiKeys.lastUsedAt,
  createdAt: apiKeys.createdAt,
  updatedAt: apiKeys.updatedAt,
  rotatedAt: apiKeys.rotatedAt,
  previousExpiresAt: apiKeys.previousExpiresAt,
  createdByKeyId: apiKeys.createdByKeyId,
};

export type ManagedKeyRow = Pick<typeof apiKeys.$inferSelect, keyof typeof managedKeyColumns>;

const ScopesSchema = z.array(z.enum(scopes));

/** A scope or limit that this version does not know fails loudly: guessing would grant or refuse too much. */
export function managedKeyOf(row: ManagedKeyRow): ManagedKey {
  return {
    ...row,
    userId: row.userId ?? '',
    scopes: row.scopes ? ScopesSchema.parse(row.scopes) : importedKeyScopes,
    limits: KeyLimitsSchema.parse(row.limits ?? {}),
  };
}

type Columns = Partial<typeof apiKeys.$inferInsert>;

export function grantColumns({ scopes, allowedModels, allowedOrigins, allowedIps, ...same }: KeyChange): Columns {
  return {
    ...same,
    ...(scopes && { scopes: [...scopes] }),
    ...(allowedModels !== undefined && { allowedModels: copied(allowedModels) }),
    ...(allowedOrigins !== undefined && { allowedOrigins: copied(allowedOrigins) }),
    ...(allowedIps !== undefined && { allowedIps: copied(allowedIps) }),
  };
}

type RotationColumns = Omit<Columns, 'previousHash'> & { previousHash: SQL | null };

export function rotationColumns({ secret, environment, at, graceEndsAt }: KeyRotation): RotationColumns {
  return {
    keyHash: secret.hash,
    prefix: secret.prefix,
    lastFour: secret.lastFour,
    environment,
    rotatedAt: at,
    // In an UPDATE, the column's value is still the one before.
    previousHash: graceEndsAt && sql`${apiKeys.keyHash}`,
    previousExpiresAt: graceEndsAt,
  };
}

function copied(entries: readonly string[] | null): string[] | null {
  return entries === null ? null : [...entries];
}
