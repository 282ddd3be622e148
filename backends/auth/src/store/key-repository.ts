import { eq, or, sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '#shared/db/connect.ts';
import { importedKeyScopes } from '#shared/identity/imported-key-scopes.ts';
import { apiKeys, users } from '#shared/db/schema.ts';
import { LimitsSchema, scopes } from '#shared/identity/principal.ts';
import type { KeyRepository, StoredKey } from '../keys/resolve-key.ts';
import { keyExpiry } from './key-expiry.ts';

const ScopesSchema = z.array(z.enum(scopes));

/** The SQL is built once, but no statement stays on the server: a pooler in between may not carry those. */
const unnamed = '';

/** Keys in Postgres: one look-up by unique indexes, owner included. A rotated key is found by both its secrets. */
export function createKeyRepository(db: Database): KeyRepository {
  const byHash = db
    .select({
      id: apiKeys.id,
      userId: users.id,
      scopes: apiKeys.scopes,
      limits: apiKeys.limits,
      allowedModels: apiKeys.allowedModels,
      restrictions: { allowedOrigins: apiKeys.allowedOrigins, allowedIps: apiKeys.allowedIps },
      isActive: apiKeys.isActive,
      expiresAt: keyExpiry,
      revokedAt: apiKeys.revokedAt,
      userDisabledAt: users.disabledAt,
      userRole: users.role,
      keyHash: apiKeys.keyHash,
      previousExpiresAt: apiKeys.previousExpiresAt,
    })
    .from(apiKeys)
    .innerJoin(users, eq(users.id, apiKeys.userId))
    .where(or(eq(apiKeys.keyHash, sql.placeholder('keyHash')), eq(apiKeys.previousHash, sql.placeholder('keyHash'))))
    .prepare(unnamed);
  return {
    findByHash: async (keyHash) => {
      const [row] = await byHash.execute({ keyHash });
      return row ? storedKey(row, keyHash) : null;
    },
  };
}

type Row = Omit<StoredKey, 'scopes' | 'limits'> & {
  scopes: string[] | null;
  limits: unknown;
  userRole: 'user' | 'admin';
  keyHash: string;
  previousExpiresAt: Date | null;
};

/** A scope or limit that this version does not know fails loudly: guessing would grant or refuse too much. */
function storedKey({ userRole, keyHash, previousExpiresAt, ...row }: Row, askedHash: string): StoredKey {
  const scopes = row.scopes ? ScopesSchema.parse(row.scopes) : importedKeyScopes;
  return {
    ...row,
    // The key of somebody who is no administrator any more does not go on as one.
    scopes: scopes.filter((scope) => scope !== 'admin' || userRole === 'admin'),
    limits: LimitsSchema.parse(row.limits ?? {}),
    expiresAt: askedHash === keyHash ? row.expiresAt : earlier(row.expiresAt, previousExpiresAt ?? longAgo),
  };
}

const longAgo = new Date(0);

function earlier(one: Date | null, other: Date): Date {
  return one !== null && one < other ? one : other;
}
