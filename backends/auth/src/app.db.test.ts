import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contractVersion } from '#shared/contract-version.ts';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { importedKeyScopes } from '#shared/identity/imported-key-scopes.ts';
import { apiKeys, users } from '#shared/db/schema.ts';
import { createAssertionVerifier } from '#shared/identity/assertion-verify.ts';
import { createApiKey, hashApiKey } from '#shared/identity/api-key.ts';
import type { Principal } from '#shared/identity/principal.ts';
import { ResolvedKeySchema } from '#shared/identity/resolved-key.ts';
import { createLogger } from '#shared/log.ts';
import { createHealthReporter } from '#shared/service/health.ts';
import { createTestIdentity } from '../../../tests/support/assertions.ts';
import { createTestDatabase, type TestDatabase } from '../../../tests/support/postgres.ts';
import { createApp } from './app.ts';
import { createApiReference } from './docs/api-reference.ts';
import { createKeyRepository } from './store/key-repository.ts';
import { createTestEmbedded } from './testing/embedded.ts';
import { createManagementStores } from './store/management-stores.ts';

const identity = await createTestIdentity();
const log = createLogger({ service: 'auth', level: 'error', write: () => undefined });
const gateway: Principal = { kind: 'gateway' };
const soon = new Date(Date.now() + 60_000);
const past = new Date(Date.now() - 1_000);

let database: TestDatabase;
let connection: DatabaseConnection;
let userId: string;
let app: ReturnType<typeof createApp>;

beforeAll(async () => {
  database = await createTestDatabase();
  connection = connect({ url: database.url, poolSize: 4, log });
  app = createApp({
    log,
    build: { version: '1.0.0', commit: 'test', contract: contractVersion },
    health: createHealthReporter({ environment: 'local', pingDatabase: connection.ping, natsStatus: () => 'disabled' }),
    verifyAssertion: createAssertionVerifier(identity.publicKeys, 'auth'),
    ...createManagementStores(connection.db),
    keys: createKeyRepository(connection.db),
    keyEnvironment: 'dev',
    revocations: { after: async () => ({ position: 0, reset: true, completeSince: 0, ageMs: 0, revocations: [] }) },
    signingKeys: [],
    identity: createTestEmbedded(connection.db).identity,
    reference: createApiReference('1.0.0'),
  });
  userId = await insertUser('owner@gaia.test', null);
});

afterAll(async () => {
  await connection.close();
  await database.drop();
});

describe('key resolution', () => {
  it('gives the principal of a usable key, with its scopes, limits and expiry', async () => {
    const { hash, id } = await insertKey({ scopes: ['chat:write'], limits: { rpm: 60 }, expiresAt: soon });
    expect(ResolvedKeySchema.parse(await (await resolve(hash)).json())).toEqual({
      principal: { kind: 'user', userId, keyId: id, scopes: ['chat:write'], limits: { rpm: 60 } },
      restrictions: { allowedOrigins: null, allowedIps: null },
      expiresAt: soon.toISOString(),
    });
  });

  it('gives the origins and addresses a key is restricted to', async () => {
    const restrictions = { allowedOrigins: ['https://game.example'], allowedIps: ['10.0.0.0/8', '2001:db8::1'] };
    const { hash } = await insertKey(restrictions);
    expect(await (await resolve(hash)).json()).toMatchObject({ restrictions });
  });

  it('gives a key imported from an older system the scopes of its time, and never admin', async () => {
    const hash = await hashApiKey(`gaia-production-${'0123abcd'.repeat(8)}`);
    await connection.db.insert(apiKeys).values({ userId, keyHash: hash, name: 'old' });
    const { principal } = ResolvedKeySchema.parse(await (await resolve(hash)).json());
    expect(principal).toMatchObject({ scopes: [...importedKeyScopes] });
    expect(importedKeyScopes).not.toContain('admin');
  });

  it('gives a key with an empty list of scopes none', async () => {
    const { hash } = await insertKey({ scopes: [] });
    expect(ResolvedKeySchema.parse(await (await resolve(hash)).json()).principal).toMatchObject({ scopes: [] });
  });

  it('finds many keys at once, each its own', async () => {
    const keys = await Promise.all(Array.from({ length: 20 }, () => insertKey({})));
    const found = await Promise.all(
      keys.map(async ({ hash }) => ResolvedKeySchema.parse(await (await resolve(hash)).json()).principal),
    );
    expect(found.map((principal) => principal.kind === 'user' && principal.keyId)).toEqual(keys.map(({ id }) => id));
  });

  it('answers an unknown, revoked, expired or inactive key, and one of a disabled user, all alike', async () => {
    const disabled = await insertUser('gone@gaia.test', past);
    const hashes = [
      'f'.repeat(64),
      (await insertKey({ revokedAt: past })).hash,
      (await insertKey({ expiresAt: past })).hash,
      (await insertKey({ isActive: false })).hash,
      (await insertKey({ userId: disabled })).hash,
    ];
    const bodies = await Promise.all(
      hashes.map(async (hash) => {
        const answer = await resolve(hash);
        expect(answer.status).toBe(404);
        return (await answer.text()).replaceAll(/req_\w+/g, 'req');
      }),
    );
    expect(new Set(bodies).size).toBe(1);
  });

  it('takes a hash and nothing else: the hash of a key is not the key', async () => {
    const { hash } = await insertKey({});
    expect((await resolve(await hashApiKey(hash))).status).toBe(404);
    for (const key_hash of [hash.toUpperCase(), `${hash} `, '', hash.slice(1)]) {
      expect((await resolve(key_hash)).status).toBe(422);
    }
  });

  it('answers only the gateway itself', async () => {
    const { hash } = await insertKey({});
    const admin: Principal = { kind: 'user', userId, keyId: null, scopes: ['admin'], limits: {} };
    expect((await resolve(hash, await identity.headers(admin, 'auth'))).status).toBe(403);
    expect((await resolve(hash, await identity.headers({ kind: 'anonymous' }, 'auth'))).status).toBe(403);
    expect((await resolve(hash, await identity.headers(gateway, 'chat'))).status).toBe(401);
    expect((await resolve(hash, {})).status).toBe(401);
  });
});

describe('the API reference', () => {
  it('is one document of all services, and a page that lists them without any script', async () => {
    const headers = await identity.headers({ kind: 'anonymous' }, 'auth');
    const document = await (await app.request('/openapi.json', { headers })).text();
    const page = await app.request('/docs', { headers });
    for (const path of ['/v1/chat/completions', '/api/v1/assets/test', '/health']) {
      expect(document).toContain(`"${path}"`);
      expect(await page.clone().text()).toContain(path);
    }
    expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'; script-src https:\/\/\S+ /);
    expect(await page.text()).toMatch(/integrity="sha384-/);
  });
});

async function resolve(keyHash: string, headers?: Record<string, string>): Promise<Response> {
  return await app.request('/internal/keys/resolve', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(headers ?? (await identity.headers(gateway, 'auth'))) },
    body: JSON.stringify({ key_hash: keyHash }),
  });
}

async function insertUser(email: string, disabledAt: Date | null): Promise<string> {
  const [row] = await connection.db.insert(users).values({ email, disabledAt }).returning({ id: users.id });
  return row?.id ?? '';
}

async function insertKey(values: Partial<typeof apiKeys.$inferInsert>): Promise<{ hash: string; id: string }> {
  const { hash, prefix, lastFour } = await createApiKey('dev');
  const [row] = await connection.db
    .insert(apiKeys)
    .values({ userId, keyHash: hash, prefix, lastFour, scopes: ['chat:write'], ...values })
    .returning({ id: apiKeys.id });
  return { hash, id: row?.id ?? '' };
}
