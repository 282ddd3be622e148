import { sql } from 'drizzle-orm';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createAssertions } from '../../edge-gateway/src/auth/assertion.ts';
import { createAuthHttpKeyStore } from '../../edge-gateway/src/keys/auth-http.ts';
import { createFallbackKeyStore } from '../../edge-gateway/src/keys/fallback.ts';
import type { KeyStore } from '../../edge-gateway/src/keys/key-store.ts';
import { createNeonHttpKeyStore } from '../../edge-gateway/src/keys/neon-http.ts';
import { createApp } from '../../backends/auth/src/app.ts';
import { createApiReference } from '../../backends/auth/src/docs/api-reference.ts';
import { createKeyRepository } from '../../backends/auth/src/store/key-repository.ts';
import { createTestEmbedded } from '../../backends/auth/src/testing/embedded.ts';
import { createManagementStores } from '../../backends/auth/src/store/management-stores.ts';
import { contractVersion } from '#shared/contract-version.ts';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { apiKeys, users } from '#shared/db/schema.ts';
import { createApiKey } from '#shared/identity/api-key.ts';
import { createAssertionVerifier } from '#shared/identity/assertion-verify.ts';
import { importedKeyScopes } from '#shared/identity/imported-key-scopes.ts';
import { createHealthReporter } from '#shared/service/health.ts';
import { serve, type Listening } from '#shared/service/serve.ts';
import { createTestIdentity } from '../support/assertions.ts';
import { json, startHttp } from '../support/edge-backends.ts';
import { createFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { createNeonHttp, type NeonHttp } from '../support/neon-http.ts';
import { createTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { silentLog } from '../support/silent-log.ts';

const identity = await createTestIdentity();
const assertions = createAssertions(identity.sign);
const soon = new Date(Date.now() + 60_000);
const past = new Date(Date.now() - 1_000);
const unknownHash = 'f'.repeat(64);
const timeoutMs = 1_000;

let database: TestDatabase;
let connection: DatabaseConnection;
let auth: Listening;
let neon: NeonHttp;
let proxies: Record<'auth-http' | 'neon-http', FaultProxy>;
let userId: string;

beforeAll(async () => {
  database = await createTestDatabase();
  connection = connect({ url: database.url, poolSize: 4, log: silentLog });
  userId = await insertUser('owner@gaia.test', null);
  auth = await serve({ app: authApp(), host: '127.0.0.1', port: 0, log: silentLog });
  neon = await createNeonHttp({ url: database.url });
  proxies = {
    'auth-http': await createFaultProxy({ targetPort: auth.port }),
    'neon-http': await createFaultProxy({ targetPort: Number(new URL(neon.endpoint).port) }),
  };
});

afterAll(async () => {
  await Promise.all(Object.values(proxies).map(async (proxy) => await proxy.close()));
  await neon.close();
  await auth.close(0);
  await connection.close();
  await database.drop();
});

afterEach(async () => {
  await Promise.all(Object.values(proxies).map(async (proxy) => await proxy.set({})));
});

type Name = keyof typeof proxies;
const names: readonly Name[] = ['auth-http', 'neon-http'];

/** A store that reaches its server at this port. */
const stores: Record<Name, (port: number) => KeyStore> = {
  'auth-http': (port) => createAuthHttpKeyStore({ authUrl: `http://127.0.0.1:${port}`, assertions, send }, timeoutMs),
  'neon-http': (port) =>
    createNeonHttpKeyStore({
      databaseUrl: database.url,
      endpoint: `http://127.0.0.1:${port}/sql`,
      send,
      timeoutMs,
    }),
};
const send: typeof fetch = async (input, init) => await fetch(input, init);
const storeOf = (name: Name): KeyStore => stores[name](proxies[name].port);

describe.each(names)('%s', (name) => {
  it('gives all that the edge needs to know of a usable key', async () => {
    const restrictions = { allowedOrigins: ['https://game.example'], allowedIps: ['10.0.0.0/8'] };
    const limits = { rpm: 60, tpm: 1_000, concurrency: 2 };
    const { hash, id } = await insertKey({
      scopes: ['chat:write', 'usage:read'],
      limits,
      allowedModels: ['openai/*'],
      expiresAt: soon,
      ...restrictions,
    });
    const found = await storeOf(name).find(hash);
    const granted = { scopes: ['chat:write', 'usage:read'], limits, allowedModels: ['openai/*'] };
    expect(found).toMatchObject({
      principal: { kind: 'user', userId, keyId: id, ...granted },
      restrictions,
    });
    expect(Date.parse(found?.expiresAt ?? '')).toBe(soon.getTime());
  });

  it('gives a key without limits, restrictions or expiry none, and one without scopes none of these', async () => {
    const { hash, id } = await insertKey({ scopes: [] });
    expect(await storeOf(name).find(hash)).toEqual({
      principal: { kind: 'user', userId, keyId: id, scopes: [], limits: {} },
      restrictions: { allowedOrigins: null, allowedIps: null },
      expiresAt: null,
    });
  });

  it('gives an imported key the scopes of its time', async () => {
    const { hash } = await insertKey({ scopes: null, prefix: null, lastFour: null });
    expect(await storeOf(name).find(hash)).toMatchObject({ principal: { scopes: [...importedKeyScopes] } });
  });

  it('gives the scope admin only while the owner is one', async () => {
    const scopes = ['chat:write', 'admin'];
    const { hash } = await insertKey({ scopes });
    expect(await storeOf(name).find(hash)).toMatchObject({ principal: { scopes: ['chat:write'] } });
    const adminId = await insertUser(`admin-${name}@gaia.test`, null, 'admin');
    const { hash: adminHash } = await insertKey({ scopes, userId: adminId });
    expect(await storeOf(name).find(adminHash)).toMatchObject({ principal: { scopes } });
  });

  it('finds a rotated key by both secrets, by the old one no longer than its grace', async () => {
    const [previous, spent, endless] = await Promise.all([
      createApiKey('dev'),
      createApiKey('dev'),
      createApiKey('dev'),
    ]);
    const { hash, id } = await insertKey({ previousHash: previous.hash, previousExpiresAt: soon });
    expect(await storeOf(name).find(hash)).toMatchObject({ principal: { keyId: id }, expiresAt: null });
    const old = await storeOf(name).find(previous.hash);
    expect(old).toMatchObject({ principal: { keyId: id } });
    expect(Date.parse(old?.expiresAt ?? '')).toBe(soon.getTime());
    await insertKey({ previousHash: spent.hash, previousExpiresAt: past });
    await insertKey({ previousHash: endless.hash, previousExpiresAt: soon, expiresAt: past });
    expect(await storeOf(name).find(spent.hash)).toBeNull();
    expect(await storeOf(name).find(endless.hash)).toBeNull();
  });

  it.each([
    ['infinity', null],
    ['294276-12-31T23:59:59Z', null],
    ['10000-01-01T00:00:00Z', null],
    ['9999-12-31T23:59:59.999999Z', '9999-12-31T23:59:59.999Z'],
  ])('finds an imported key that expires at %s', async (time, expiresAt) => {
    const { hash, id } = await insertKey({});
    await setExpiry(id, time);
    expect(await storeOf(name).find(hash)).toMatchObject({ principal: { keyId: id }, expiresAt });
  });

  it.each(['-infinity', '0044-03-15T00:00:00Z BC'])('finds no imported key that expired at %s', async (time) => {
    const { hash, id } = await insertKey({});
    await setExpiry(id, time);
    expect(await storeOf(name).find(hash)).toBeNull();
  });

  it('keeps an empty list of origins or addresses apart from none', async () => {
    const { hash } = await insertKey({ allowedOrigins: [], allowedIps: [] });
    expect(await storeOf(name).find(hash)).toMatchObject({ restrictions: { allowedOrigins: [], allowedIps: [] } });
  });

  it('finds nothing for a key that is unknown, revoked, expired, inactive, or of a disabled or no user', async () => {
    const disabled = await insertUser(`gone-${name}@gaia.test`, past);
    const hashes = [
      unknownHash,
      (await insertKey({ revokedAt: past })).hash,
      (await insertKey({ expiresAt: past })).hash,
      (await insertKey({ isActive: false })).hash,
      (await insertKey({ userId: disabled })).hash,
      (await insertKey({ userId: null })).hash,
    ];
    const found = await Promise.all(hashes.map(async (hash) => await storeOf(name).find(hash)));
    expect(found).toEqual(hashes.map(() => null));
  });

  it.each([
    ['a scope', { scopes: ['chat:write', 'fly'] }],
    ['a limit', { limits: { rpm: 'many' } }],
  ])('cannot tell, rather than guess, where %s is not understood', async (_what, values) => {
    const { hash } = await insertKey(values);
    await expect(storeOf(name).find(hash)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it.each([
    ['refuses connections', { state: 'down' }],
    ['resets them', { state: 'reset' }],
    ['says nothing', { state: 'timeout' }],
    ['ends in the middle of the answer', { cutAfterBytes: 20 }],
    ['is too slow', { slice: { bytes: 10, delayMs: 200 } }],
  ] as const)('cannot tell, within its deadline, when the other side %s', async (_what, faults) => {
    const { hash } = await insertKey({});
    await proxies[name].set(faults);
    const startedAt = performance.now();
    await expect(storeOf(name).find(hash)).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - startedAt).toBeLessThan(timeoutMs + 1_000);
    await proxies[name].set({});
    expect(await storeOf(name).find(hash)).not.toBeNull();
  });

  it.each([
    ['an error', 500, { message: 'broken' }],
    ['a refusal of ourselves', 401, {}],
    ['that there is nothing at this path', 404, { code: 'not_found', detail: 'There is nothing at this path' }],
    ['an empty object', 200, {}],
    ['a key of nobody', 200, { principal: { kind: 'anonymous' }, expiresAt: null, rows: [{ key: '{}' }] }],
    ['two keys', 200, { rows: [{ key: '{}' }, { key: '{}' }] }],
    ['rows that are no JSON', 200, { rows: [{ key: '<html>' }] }],
  ])('cannot tell when the answer is %s', async (_what, status, body) => {
    await using server = await startHttp((_request, response) => json(response, status, body));
    await expect(stores[name](server.port).find(unknownHash)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('a store with another behind it', () => {
  const pair = (): KeyStore => createFallbackKeyStore(storeOf('neon-http'), storeOf('auth-http'));

  it('is asked alone while it can tell, for keys that it does not know too', async () => {
    const deaf: KeyStore = { find: async () => await Promise.reject(new Error('was asked')) };
    expect(await createFallbackKeyStore(storeOf('neon-http'), deaf).find(unknownHash)).toBeNull();
  });

  it('is stood in for while it cannot, and cannot tell when neither can', async () => {
    const { hash } = await insertKey({});
    await proxies['neon-http'].set({ state: 'down' });
    expect(await pair().find(hash)).not.toBeNull();
    expect(await pair().find(unknownHash)).toBeNull();
    await proxies['auth-http'].set({ state: 'down' });
    await expect(pair().find(hash)).rejects.toMatchObject({ code: 'unavailable' });
  });
});

function authApp(): ReturnType<typeof createApp> {
  return createApp({
    log: silentLog,
    build: { version: '1.0.0', commit: 'test', contract: contractVersion },
    health: createHealthReporter({ environment: 'local', pingDatabase: connection.ping, natsStatus: () => 'disabled' }),
    verifyAssertion: createAssertionVerifier(identity.publicKeys, 'auth'),
    ...createManagementStores(connection.db),
    keys: createKeyRepository(connection.db),
    keyEnvironment: 'dev',
    revocations: { after: async () => await Promise.reject(new Error('not in this test')) },
    signingKeys: [],
    identity: createTestEmbedded(connection.db).identity,
    reference: createApiReference('1.0.0'),
  });
}

async function insertUser(email: string, disabledAt: Date | null, role: 'user' | 'admin' = 'user'): Promise<string> {
  const [row] = await connection.db.insert(users).values({ email, disabledAt, role }).returning({ id: users.id });
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

/** As text, for what a Date cannot say. */
async function setExpiry(id: string, time: string): Promise<void> {
  await connection.db.execute(sql`update api_keys set expires_at = ${time} where id = ${id}`);
}
