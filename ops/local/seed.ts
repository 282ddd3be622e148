import { join } from 'node:path';
import pg from 'pg';
import { createApiKey, hashApiKey, isPlausibleApiKey } from '#shared/identity/api-key.ts';
import { scopes } from '#shared/identity/principal.ts';
import { readIfThere, writePrivateFile } from './private-file.ts';

export const devUserEmail = 'dev@gaia.local';

const keyName = 'development';
const connectMs = 5_000;

/**
 * Makes sure that the development user exists and that the key of this state directory works for it, and gives that
 * key. The database keeps its hash, `dev-key` its text, so that every start prints the same one. A revoked key is
 * not brought back: a new one takes its place.
 */
export async function seedDevUser(databaseUrl: string, directory: string): Promise<string> {
  const path = join(directory, 'dev-key');
  const known = (await readIfThere(path))?.trim() ?? '';
  return await withClient(databaseUrl, async (client) => {
    if (isPlausibleApiKey(known) && (await storeKey(client, known))) return known;
    const { key } = await createApiKey('dev');
    await writePrivateFile(path, `${key}\n`);
    await storeKey(client, key);
    return key;
  });
}

/** For databases that others share: a key whose text nobody keeps. Null when the user already has one that works. */
export async function seedKeyOnce(databaseUrl: string): Promise<string | null> {
  return await withClient(databaseUrl, async (client) => {
    const { rowCount } = await client.query(
      `SELECT FROM api_keys k JOIN users u ON u.id = k.user_id
       WHERE u.email = $1 AND k.name = $2 AND k.is_active AND k.revoked_at IS NULL`,
      [devUserEmail, keyName],
    );
    if (rowCount !== 0) return null;
    const { key } = await createApiKey('dev');
    await storeKey(client, key);
    return key;
  });
}

/** Whether the key is now one that works; false for one that was revoked or belongs to somebody else. */
async function storeKey(client: pg.Client, key: string): Promise<boolean> {
  const hash = await hashApiKey(key);
  const prefix = key.split('_').slice(0, 3).join('_');
  const { rowCount } = await client.query(
    `WITH owner AS (
       INSERT INTO users (email, name, role) VALUES ($1, 'Developer', 'admin')
       ON CONFLICT (email) DO UPDATE SET role = 'admin', updated_at = now()
       RETURNING id
     ), seeded AS (
       INSERT INTO api_keys AS k (user_id, key_hash, name, prefix, last_four, environment, scopes)
       SELECT id, $2, $3, $4, $5, 'dev', $6 FROM owner
       ON CONFLICT (key_hash) DO UPDATE SET scopes = excluded.scopes, updated_at = now()
       WHERE k.is_active AND k.revoked_at IS NULL AND k.user_id = excluded.user_id
       RETURNING id, user_id, xmax = 0 AS is_new
     ), recorded AS (
       INSERT INTO audit_log (user_id, action, subject_kind, subject_id, after)
       SELECT user_id, 'key.created', 'key', id::text,
         jsonb_build_object('id', id, 'name', $3::text, 'prefix', $4::text, 'scopes', to_jsonb($6::text[]), 'by', 'seed')
       FROM seeded WHERE is_new
     )
     SELECT FROM seeded`,
    [devUserEmail, hash, keyName, prefix, key.slice(-4), [...scopes]],
  );
  return rowCount === 1;
}

async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: connectMs });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
