import { eq } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { apiKeys, revocations } from '#shared/db/schema.ts';
import { hashApiKey, isPlausibleApiKey } from '#shared/identity/api-key.ts';
import { importedKeyScopes } from '#shared/identity/imported-key-scopes.ts';
import { queryRows } from '../../../../tests/support/postgres.ts';
import { startManagement, type Call, type Management } from '../../../../tests/support/auth-management.ts';

let gaia: Management;
let userId: string;
let mine: Call;
let theirs: Call;
beforeAll(async () => {
  gaia = await startManagement();
  theirs = gaia.session(await gaia.addUser());
});
beforeEach(async () => {
  userId = await gaia.addUser();
  mine = gaia.session(userId);
});
afterAll(async () => {
  await gaia.close();
});

const nowhere = '99999999-9999-4999-8999-999999999999';
const path = (id: string): string => `/api/v1/keys/${id}`;
const rotate = (id: string): string => `${path(id)}/rotate`;
const inAnHour = new Date(Date.now() + 3_600_000).toISOString();

const ShownSchema = z.object({ key: z.string(), previous_key_expires_at: z.string().nullable() });
const PageSchema = z.object({ keys: z.array(z.object({ name: z.string() })), next: z.string().nullable() });
const shown = (body: unknown): z.infer<typeof ShownSchema> => ShownSchema.parse(body);

/** Moves a rotation into the past, as time would. */
async function age(id: string, seconds: number): Promise<void> {
  const past = new Date(Date.now() - seconds * 1_000);
  await gaia.connection.db.update(apiKeys).set({ rotatedAt: past }).where(eq(apiKeys.id, id));
}

async function announced(id: string): Promise<number> {
  return (await gaia.connection.db.select().from(revocations).where(eq(revocations.subjectId, id))).length;
}

describe('a new key', () => {
  it('is shown once, works at once, and is known afterwards by its start and last four only', async () => {
    const { id, key } = await gaia.createKey(mine, { name: '  build server ' });
    expect(isPlausibleApiKey(key)).toBe(true);
    expect(await gaia.resolve(key)).toMatchObject({ principal: { userId, keyId: id } });
    const { body, text } = await mine('GET', path(id));
    expect(body).toMatchObject({ id, name: 'build server', prefix: key.slice(0, 21), last_four: key.slice(-4) });
    expect(text).not.toContain(key.slice(21, 40));
    expect(text).not.toContain(await hashApiKey(key));
    expect((await mine('GET', '/api/v1/keys')).body).toMatchObject({ keys: [body], next: null });
  });

  it('has what was asked for, and neither admin nor keys:write unless asked', async () => {
    const asked = {
      scopes: ['chat:write'],
      expires_at: inAnHour,
      limits: { rpm: 60, tpm: 1_000, concurrency: 2, budget: { usd: 12.5, window: 'month' } },
      allowed_models: ['openai/*', 'gpt-4o'],
      allowed_origins: ['https://game.example'],
      allowed_ips: ['10.0.0.0/8', '2001:db8::/32'],
    };
    const { id, key } = await gaia.createKey(mine, asked);
    expect((await mine('GET', path(id))).body).toMatchObject(asked);
    expect(await gaia.resolve(key)).toEqual({
      principal: {
        kind: 'user',
        userId,
        keyId: id,
        scopes: ['chat:write'],
        limits: { rpm: 60, tpm: 1_000, concurrency: 2 },
        allowedModels: asked.allowed_models,
      },
      restrictions: { allowedOrigins: asked.allowed_origins, allowedIps: asked.allowed_ips },
      expiresAt: inAnHour,
    });
    const plain = await gaia.resolve((await gaia.createKey(mine)).key);
    expect(plain?.principal.scopes).not.toContain('keys:write');
    expect(plain?.principal.scopes).toContain('chat:write');
  });

  it('is told to whoever listens, as is its end, once each and by ids only', async () => {
    const { id } = await gaia.createKey(mine);
    await mine('DELETE', path(id));
    await mine('DELETE', path(id));
    await mine('POST', '/api/v1/keys', { name: 'k', scopes: ['admin'] });
    const told = await queryRows(gaia.url, `select subject, payload from outbox where payload->>'key_id' = $1`, [id]);
    const payload = { key_id: id, user_id: userId };
    expect(told).toEqual([
      { subject: 'gaia.auth.key.created', payload },
      { subject: 'gaia.auth.key.revoked', payload },
    ]);
  });

  it('is refused beyond a hundred, also when all are asked for at once', async () => {
    await gaia.connection.db
      .insert(apiKeys)
      .values(Array.from({ length: 95 }, (_, i) => ({ userId, keyHash: `${userId}${i}`, name: 'k' })));
    const answers = await Promise.all(Array.from({ length: 12 }, () => mine('POST', '/api/v1/keys', { name: 'n' })));
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(7);
  });

  it('is not made for a user who was disabled a second ago', async () => {
    const gone = await gaia.addUser({ disabledAt: new Date() });
    expect((await gaia.session(gone)('POST', '/api/v1/keys', { name: 'k' })).status).toBe(401);
  });
});

describe('the list of keys', () => {
  it('comes newest first, in pages that miss nothing and show nothing twice', async () => {
    for (let i = 0; i < 5; i++) await gaia.createKey(mine, { name: `key ${i}` });
    const names: unknown[] = [];
    let after = '';
    for (let page = 0; page < 3; page++) {
      const { body } = await mine('GET', `/api/v1/keys?limit=2${after}`);
      const { keys, next } = PageSchema.parse(body);
      names.push(...keys.map(({ name }) => name));
      after = `&after=${next}`;
      expect(next === null).toBe(page === 2);
    }
    expect(names).toEqual(['key 4', 'key 3', 'key 2', 'key 1', 'key 0']);
  });

  it.each(['limit=0', 'limit=101', 'limit=-1', 'limit=1.5', 'limit=x', 'after=x', "after=';--"])(
    'refuses %s',
    async (query) => {
      expect((await mine('GET', `/api/v1/keys?${query}`)).status).toBe(422);
    },
  );

  it('goes on from nowhere for a mark that is somebody else’s', async () => {
    await gaia.createKey(mine);
    const { id } = await gaia.createKey(theirs);
    expect((await mine('GET', `/api/v1/keys?after=${id}`)).body).toEqual({ keys: [], next: null });
  });
});

describe('a changed key', () => {
  it('keeps its id and secret, merges limits, and the edge hears of it', async () => {
    const { id, key } = await gaia.createKey(mine, { limits: { rpm: 60, tpm: 5 }, allowed_models: ['a'] });
    const change = { name: 'renamed', limits: { rpm: 10, tpm: null, concurrency: 3 }, allowed_models: null };
    const { body, status } = await mine('PATCH', path(id), change);
    expect(status).toBe(200);
    expect(body).toMatchObject({ id, name: 'renamed', limits: { rpm: 10, concurrency: 3 }, allowed_models: null });
    expect((await gaia.resolve(key))?.principal).toMatchObject({ keyId: id, limits: { rpm: 10, concurrency: 3 } });
    expect(await announced(id)).toBe(1);
  });
});

describe('a rotated key', () => {
  it('keeps id, limits and scopes; without a grace the secret before stops', async () => {
    const { id, key } = await gaia.createKey(mine, { limits: { rpm: 7 } });
    const before = (await gaia.resolve(key))?.principal;
    const { status, body } = await mine('POST', rotate(id), {});
    expect(status).toBe(200);
    const { key: renewed } = shown(body);
    expect((await gaia.resolve(renewed))?.principal).toEqual(before);
    expect(await gaia.resolve(key)).toBeNull();
    expect(await announced(id)).toBe(1);
  });

  it('works by both secrets until the grace ends, and no longer', async () => {
    const { id, key } = await gaia.createKey(mine);
    const { body } = await mine('POST', rotate(id), { grace_seconds: 60 });
    const { key: renewed, previous_key_expires_at: until } = shown(body);
    expect(await gaia.resolve(key)).toMatchObject({ principal: { keyId: id }, expiresAt: until });
    expect(await gaia.resolve(renewed)).toMatchObject({ principal: { keyId: id }, expiresAt: null });
    const past = new Date(Date.now() - 1);
    await gaia.connection.db.update(apiKeys).set({ previousExpiresAt: past }).where(eq(apiKeys.id, id));
    expect(await gaia.resolve(key)).toBeNull();
    expect(await gaia.resolve(renewed)).not.toBeNull();
  });

  it('gives twenty who rotate at once one winner and nineteen conflicts', async () => {
    for (const grace_seconds of [0, 3_600]) {
      const { id, key } = await gaia.createKey(mine);
      const answers = await Promise.all(Array.from({ length: 20 }, () => mine('POST', rotate(id), { grace_seconds })));
      const winners = answers.filter(({ status }) => status === 200);
      expect(winners).toHaveLength(1);
      expect(answers.filter(({ status }) => status === 409)).toHaveLength(19);
      expect(await gaia.resolve(shown(winners[0]?.body).key)).not.toBeNull();
      expect((await gaia.resolve(key)) === null).toBe(grace_seconds === 0);
    }
  });

  it('is not rotated again into a second grace; without a grace it is, and both earlier secrets stop', async () => {
    const { id, key } = await gaia.createKey(mine);
    const { body } = await mine('POST', rotate(id), { grace_seconds: 600 });
    await age(id, 30);
    const refused = await mine('POST', rotate(id), { grace_seconds: 1 });
    expect(refused.status).toBe(409);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(500);
    expect((await mine('POST', rotate(id), { grace_seconds: 0 })).status).toBe(200);
    expect(await gaia.resolve(key)).toBeNull();
    expect(await gaia.resolve(shown(body).key)).toBeNull();
  });

  it.each([-1, 1.5, 604_801, '60', null])('is refused a grace of %s', async (grace_seconds) => {
    const { id } = await gaia.createKey(mine);
    expect((await mine('POST', rotate(id), { grace_seconds })).status).toBe(422);
  });
});

describe('a revoked key', () => {
  it('stops with the secret before it, is announced once, and revoking it again says the same', async () => {
    const { id, key } = await gaia.createKey(mine);
    const { body } = await mine('POST', rotate(id), { grace_seconds: 600 });
    expect(await announced(id)).toBe(1);
    for (let i = 0; i < 3; i++) expect(await mine('DELETE', path(id))).toMatchObject({ status: 204, text: '' });
    expect(await announced(id)).toBe(2);
    expect(await gaia.resolve(key)).toBeNull();
    expect(await gaia.resolve(shown(body).key)).toBeNull();
    for (const method of ['GET', 'PATCH']) {
      expect((await mine(method, path(id), method === 'PATCH' ? { name: 'n' } : undefined)).status).toBe(404);
    }
    expect((await mine('POST', rotate(id), {})).status).toBe(404);
    expect((await mine('GET', '/api/v1/keys')).body).toMatchObject({ keys: [] });
  });

  it('makes itself no successor in the seconds until the edge knows', async () => {
    const { id, key } = await gaia.createKey(mine, { scopes: ['keys:write', 'chat:read'] });
    const holder = await gaia.keyHolder(key);
    await mine('DELETE', path(id));
    expect((await holder('POST', '/api/v1/keys', { name: 'successor' })).status).toBe(401);
    expect((await holder('POST', rotate(id), {})).status).toBe(401);
  });
});

describe('a key that is missing, and one that is somebody else’s', () => {
  it('are answered alike by every operation, and nothing changes', async () => {
    const { id, key } = await gaia.createKey(theirs);
    const calls: [string, (id: string) => string, unknown][] = [
      ['GET', path, undefined],
      ['PATCH', path, { name: 'mine now' }],
      ['DELETE', path, undefined],
      ['POST', rotate, { grace_seconds: 0 }],
    ];
    for (const [method, at, body] of calls) {
      const answers = await Promise.all(
        [id, nowhere, 'not-an-id', '1', '2', "1'--"].map((one) => mine(method, at(one), body)),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(404));
      const bodies = answers.map(({ text }) => text.replace(/"instance":"[^"]*"|"request_id":"[^"]*"/g, ''));
      expect(new Set(bodies.map((text) => text.replaceAll(/,,/g, ',')))).toHaveProperty('size', 1);
    }
    expect(await gaia.resolve(key)).not.toBeNull();
    expect((await theirs('GET', path(id))).body).toMatchObject({ name: 'a key' });
  });
});

describe('keys imported from an older system', () => {
  it.each([
    ['infinity', null],
    ['10000-01-01T00:00:00Z', null],
    ['-infinity', '1970-01-01T00:00:00.000Z'],
  ])('are listed, read and changed where they expire at %s', async (time, expires_at) => {
    const { id } = await gaia.createKey(mine);
    await queryRows(gaia.url, 'update api_keys set expires_at = $2 where id = $1', [id, time]);
    expect((await mine('GET', '/api/v1/keys')).body).toMatchObject({ keys: [{ id, expires_at }] });
    expect((await mine('GET', path(id))).body).toMatchObject({ id, expires_at });
    expect((await mine('PATCH', path(id), { name: 'n' })).body).toMatchObject({ name: 'n', expires_at });
  });

  it.each([`gaia-production-${'0123abcd'.repeat(8)}`, `gaia_DEV_${'a1B2'.repeat(8)}`, `${'aB3_-'.repeat(8)}xyz`])(
    'of the shape %s are listed, go on working, and can be changed, rotated and revoked',
    async (text) => {
      const [row] = await gaia.connection.db
        .insert(apiKeys)
        .values({ userId, keyHash: await hashApiKey(text), name: null, permissions: { all: true } })
        .returning({ id: apiKeys.id });
      const id = row?.id ?? '';
      expect((await mine('GET', '/api/v1/keys')).body).toMatchObject({
        keys: [{ id, name: null, prefix: null, last_four: null, scopes: importedKeyScopes, limits: {} }],
      });
      expect((await mine('PATCH', path(id), { limits: { rpm: 5 } })).status).toBe(200);
      expect((await gaia.resolve(text))?.principal).toMatchObject({ scopes: importedKeyScopes, limits: { rpm: 5 } });
      const { body } = await mine('POST', rotate(id), { grace_seconds: 60 });
      expect(await gaia.resolve(text)).not.toBeNull();
      expect(await gaia.resolve(shown(body).key)).not.toBeNull();
      await mine('DELETE', path(id));
      expect(await gaia.resolve(text)).toBeNull();
    },
  );
});
