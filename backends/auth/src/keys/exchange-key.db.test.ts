import { eq } from 'drizzle-orm';
import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { revocations } from '#shared/db/schema.ts';
import { startManagement, type Call, type Management } from '../../../../tests/support/auth-management.ts';

const TokenSchema = z.object({ access_token: z.string(), expires_in: z.int(), scopes: z.array(z.string()) });
const route = '/api/v1/auth/token';

let gaia: Management;
let userId: string;
let owner: Call;
beforeAll(async () => {
  gaia = await startManagement();
  userId = await gaia.addUser();
  owner = gaia.session(userId);
});
afterAll(async () => {
  await gaia.close();
});

async function holderOf(body: object): Promise<{ id: string; call: Call }> {
  const { id, key } = await gaia.createKey(owner, body);
  return { id, call: await gaia.keyHolder(key) };
}

describe('a key in exchange for a token', () => {
  it('gives its id, scopes and limits, for a quarter of an hour unless asked otherwise', async () => {
    const { id, call } = await holderOf({ scopes: ['chat:write', 'keys:write'], limits: { rpm: 5 } });
    const { status, body } = await call('POST', route, {});
    expect(status).toBe(200);
    const { access_token: token, expires_in: seconds, scopes } = TokenSchema.parse(body);
    expect(scopes).toEqual(['chat:write']);
    const { iat = 0, ...claims } = decodeJwt(token);
    expect(claims).toMatchObject({
      sub: userId,
      key_id: id,
      scopes: ['chat:write'],
      limits: { rpm: 5 },
      exp: iat + 900,
    });
    expect(seconds).toBe(900);
  });

  it('needs no body to be asked for', async () => {
    const { call } = await holderOf({ scopes: ['chat:read'] });
    expect(await call('POST', route)).toMatchObject({ status: 200, body: { expires_in: 900, scopes: ['chat:read'] } });
    expect((await call('POST', route, '')).status).toBe(400);
  });

  it('gives one that is good until the key is revoked', async () => {
    const { id, call } = await holderOf({ scopes: ['chat:read'] });
    const { body } = await call('POST', route, {});
    const { access_token: token } = TokenSchema.parse(body);
    const anonymous = gaia.as({ kind: 'anonymous' });
    const isValid = async (): Promise<unknown> => (await anonymous('POST', '/api/v1/auth/validate', { token })).body;
    expect(await isValid()).toMatchObject({ valid: true, auth_type: 'jwt', user_id: userId });
    await owner('DELETE', `/api/v1/keys/${id}`);
    expect(await isValid()).toMatchObject({ valid: false });
  });

  it('gives one that ends by itself when it logs out, at the edge too, and leaves the key and its other tokens', async () => {
    const { id, call } = await holderOf({ scopes: ['chat:read'] });
    const tokenOf = async (): Promise<string> => TokenSchema.parse((await call('POST', route, {})).body).access_token;
    const [token, other] = [await tokenOf(), await tokenOf()];
    const sessionId = z.string().parse(decodeJwt(token)['sid']);
    const holder = gaia.as({ kind: 'user', userId, keyId: id, sessionId, scopes: ['chat:read'], limits: {} });
    for (let turn = 0; turn < 2; turn++) expect((await holder('POST', '/api/v1/auth/logout')).status).toBe(204);
    const told = await gaia.connection.db.select().from(revocations).where(eq(revocations.subjectId, sessionId));
    expect(told.map(({ kind }) => kind)).toEqual(['session']);
    const validity = async (credential: object): Promise<unknown> =>
      (await gaia.as({ kind: 'anonymous' })('POST', '/api/v1/auth/validate', credential)).body;
    expect(await validity({ token })).toMatchObject({ valid: false, user_id: null });
    expect(await validity({ token: other })).toMatchObject({ valid: true });
    expect((await call('GET', '/api/v1/auth/me')).status).toBe(200);
    expect((await owner('GET', '/api/v1/audit?limit=1')).body).toMatchObject({
      entries: [{ action: 'session.ended', subject: { id: sessionId }, actor: { key_id: id } }],
    });
  });

  it('is counted to its owner, and on record', async () => {
    const { id, call } = await holderOf({ scopes: ['chat:read'] });
    await call('POST', route, { scopes: [], ttl_seconds: 60 });
    expect((await owner('GET', '/api/v1/audit?limit=1')).body).toMatchObject({
      entries: [{ action: 'key.exchanged', subject: { id }, after: { scopes: [], ttl_seconds: 60 } }],
    });
  });

  it('never gives more than the key has, and never what makes keys', async () => {
    const { call } = await holderOf({ scopes: ['chat:write', 'keys:write'] });
    for (const scopes of [['admin'], ['keys:write'], ['assets:write'], ['chat:write', 'chat:read']]) {
      expect((await call('POST', route, { scopes })).status).toBe(403);
    }
    for (const body of [{ ttl_seconds: 59 }, { ttl_seconds: 3_601 }, { ttl_seconds: 1.5 }, { sub: userId }]) {
      expect((await call('POST', route, body)).status).toBe(422);
    }
  });

  it('holds the token to its models, origins and addresses, and says where these do not fit', async () => {
    const lists = { allowed_models: ['openai/*'], allowed_origins: ['https://game.example'], allowed_ips: [] };
    const { call } = await holderOf({ scopes: ['chat:write'], ...lists });
    const { access_token: token } = TokenSchema.parse((await call('POST', route, {})).body);
    expect(decodeJwt(token)).toMatchObject(lists);
    const long = Array.from({ length: 100 }, (_, index) => `https://${'x'.repeat(60)}-${index}.example`);
    const { call: other } = await holderOf({ scopes: ['chat:write'], allowed_origins: long });
    const refused = await other('POST', route, {});
    expect(refused.status).toBe(409);
    expect(refused.text).not.toContain('access_token');
  });

  it('never outlives the key', async () => {
    const { call } = await holderOf({ expires_at: new Date(Date.now() + 120_000).toISOString() });
    const { body } = await call('POST', route, { ttl_seconds: 3_600 });
    expect(TokenSchema.parse(body).expires_in).toBeLessThanOrEqual(120);
  });

  it('is not to be had for a session, nor for a token again, nor for a key that was revoked a second ago', async () => {
    const { id, call } = await holderOf({ scopes: ['chat:write'] });
    expect((await owner('POST', route, {})).status).toBe(400);
    const again = gaia.as({
      kind: 'user',
      userId,
      keyId: id,
      sessionId: 'of a token',
      scopes: ['chat:write'],
      limits: {},
    });
    expect((await again('POST', route, {})).status).toBe(400);
    await owner('DELETE', `/api/v1/keys/${id}`);
    expect((await call('POST', route, {})).status).toBe(401);
  });
});
