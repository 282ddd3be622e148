import * as z from 'zod/mini';
import { importedKeyScopes } from '#shared/identity/imported-key-scopes.ts';
import { LimitsSchema, scopes } from '#shared/identity/principal.ts';
import { RestrictionsSchema, type ResolvedKey } from '#shared/identity/resolved-key.ts';
import { cannotTell, lookUpMs, type KeyStore } from './key-store.ts';

export type NeonHttpOptions = {
  databaseUrl: string;
  /** Where SQL over HTTP is spoken; absent: where Neon speaks it for the database's host. */
  endpoint?: string | undefined;
  send: typeof fetch;
  timeoutMs?: number;
};

/**
 * One look-up by unique indexes, owner included; what must not work is not found. A rotated key is found by both its
 * secrets, and the key of somebody who is no administrator is none. As one JSON text, so that nothing depends on how
 * column types cross the wire.
 */
const query = `
  SELECT json_build_object(
    'userId', u.id, 'keyId', k.id, 'limits', k.limits, 'models', k.allowed_models,
    'expiresMs', CASE WHEN expiry.at < '10000-01-01Z' THEN floor(extract(epoch FROM expiry.at) * 1000) END,
    'scopes', CASE u.role WHEN 'admin' THEN k.scopes ELSE array_remove(k.scopes, 'admin') END,
    'restrictions', json_build_object('allowedOrigins', k.allowed_origins, 'allowedIps', k.allowed_ips)
  )::text AS key
  FROM api_keys k JOIN users u ON u.id = k.user_id
  CROSS JOIN LATERAL (SELECT CASE k.key_hash WHEN $1 THEN k.expires_at
    ELSE least(k.expires_at, coalesce(k.previous_expires_at, '-infinity')) END AS at) expiry
  WHERE (k.key_hash = $1 OR k.previous_hash = $1) AND k.is_active AND k.revoked_at IS NULL AND u.disabled_at IS NULL
    AND (expiry.at IS NULL OR expiry.at > now())`;

const RowSchema = z.object({
  userId: z.string(),
  keyId: z.string(),
  /** A scope or limit that this version does not know fails loudly: guessing would grant or refuse too much. */
  scopes: z.nullable(z.array(z.enum(scopes))),
  limits: z.nullable(LimitsSchema),
  models: z.nullable(z.array(z.string())),
  restrictions: RestrictionsSchema,
  /** Null also for times that cannot be written as ISO, such as 'infinity', which imported keys may have. */
  expiresMs: z.nullable(z.number()),
});
const AnswerSchema = z.object({ rows: z.array(z.object({ key: z.string() })).check(z.maxLength(1)) });

/**
 * Asks the database itself, by SQL over HTTP as Neon's serverless driver sends it. The driver would more than double
 * the bundle, and a cold start with it, for what is one request here.
 */
export function createNeonHttpKeyStore(options: NeonHttpOptions): KeyStore {
  const { databaseUrl, send, timeoutMs = lookUpMs } = options;
  const endpoint = options.endpoint ?? neonEndpoint(databaseUrl);
  const headers = { 'neon-connection-string': databaseUrl, 'neon-raw-text-output': 'true', 'neon-array-mode': 'false' };
  return {
    find: async (keyHash) => {
      const signal = AbortSignal.timeout(timeoutMs);
      const body = JSON.stringify({ query, params: [keyHash] });
      try {
        return resolvedKey(await rows(await send(endpoint, { method: 'POST', headers, body, signal })));
      } catch (cause) {
        throw cannotTell(cause);
      }
    },
  };
}

/** `ep-….region.aws.neon.tech` speaks it at `api.region.aws.neon.tech`. */
function neonEndpoint(databaseUrl: string): string {
  return `https://${new URL(databaseUrl).hostname.replace(/^[^.]+\./, 'api.')}/sql`;
}

/** Neon explains an error in the body, which may show the query's parameters: only the status is kept. */
async function rows(answer: Response): Promise<unknown> {
  if (answer.ok) return await answer.json();
  await answer.body?.cancel();
  throw new Error(`the database answered ${answer.status}`);
}

function resolvedKey(answer: unknown): ResolvedKey | null {
  const [row] = AnswerSchema.parse(answer).rows;
  if (!row) return null;
  const { userId, keyId, limits, models, restrictions, expiresMs, ...said } = RowSchema.parse(JSON.parse(row.key));
  const scopes = said.scopes ?? [...importedKeyScopes];
  return {
    principal: { kind: 'user', userId, keyId, scopes, limits: limits ?? {}, ...(models && { allowedModels: models }) },
    restrictions,
    expiresAt: expiresMs === null ? null : new Date(expiresMs).toISOString(),
  };
}
