import { eq, sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '#shared/db/connect.ts';
import { importedKeyScopes } from '#shared/identity/imported-key-scopes.ts';
import { apiKeys, users } from '#shared/db/schema.ts';
import { LimitsSchema, scopes } from '#shared/identity/principal.ts';
import type { KeyRepository, StoredKey } from '../keys/resolve-key.ts';

const ScopesSchema = z.array(z.enum(scopes));

/** The SQL is built once, but no statement stays on the server: a pooler in between may not carry those. */
const unnamed = '';

/** Keys in Postgres: one look-up by a unique index, owner included. */
export function createKeyRepository(db: Database): KeyRepository {
  const byHash = db
    .select({
      id: apiKeys.id,
      userId: users.id,
      scopes: apiKeys.scopes,
      limits: apiKeys.limits,
      restrictions: { allowedOrigins: apiKeys.allowedOrigins, allowedIps: apiKeys.allowedIps },
      isActive: apiKeys.isActive,
      expiresAt: apiKeys.expiresAt,
      revokedAt: apiKeys.revokedAt,
      userDisabledAt: users.disabledAt,
    })
    .from(apiKeys)
    .innerJoin(users, eq(users.id, apiKeys.userId))
    .where(eq(apiKeys.keyHash, sql.placeholder('keyHash')))
    .prepare(unnamed);
  return {
    findByHash: async (keyHash) => {
      const [row] = await byHash.execute({ keyHash });
      return row ? storedKey(row) : null;
    },
  };
}

type Row = Omit<StoredKey, 'scopes' | 'limits'> & { scopes: string[] | null; limits: unknown };

/** A scope or limit that this version does not know fails loudly: guessing would grant or refuse too much. */
function storedKey(row: Row): StoredKey {
  return {
    ...row,
    scopes: row.scopes ? ScopesSchema.parse(row.scopes) : importedKeyScopes,
    limits: LimitsSchema.parse(row.limits ?? {}),
  };
}
