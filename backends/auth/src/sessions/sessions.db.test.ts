import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApiKey } from '#shared/identity/api-key.ts';
import { scopes } from '#shared/identity/principal.ts';
import { createSessionApp, principalOf, type SessionApp } from '../../../../tests/support/session-app.ts';
import { testAccountLimits } from '../testing/embedded.ts';
import { publicKeysOf } from '../tokens/signing-keys.ts';

const userScopes = scopes.filter((scope) => scope !== 'admin');

let app: SessionApp;
let clock = Date.now();
beforeAll(async () => {
  app = await createSessionApp({ limits: testAccountLimits(), now: () => new Date(clock) });
});
afterAll(async () => await app.close());

const refresh = (refresh_token: string) => app.call('POST', 'refresh', { refresh_token });
const refreshed = (refresh_token: string) => app.signedIn('refresh', { refresh_token });
const revocationsOf = ({ sessionId }: { sessionId: string }) =>
  app.rows(`select kind from revocations where subject_id = $1`, [sessionId]);

describe('an access token', () => {
  it('says what the edge asks for, for fifteen minutes, signed by the first key', async () => {
    const { user, session } = await app.newcomer();
    const keys = createLocalJWKSet({
      keys: publicKeysOf([app.signingKey]).keys.map((key) => ({ kty: 'OKP', ...key })),
    });
    const { payload } = await jwtVerify(session.access_token, keys, { issuer: 'gaia', audience: 'gaia' });
    expect(payload).toMatchObject({ sub: user.id, scopes: userScopes });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
    expect(payload['sid']).toMatch(/^[0-9a-f-]{36}$/);
    expect(decodeProtectedHeader(session.access_token)).toEqual({ alg: 'EdDSA', kid: 'test', typ: 'JWT' });
  });

  it('of an admin may administer, of anybody else never', async () => {
    const { email, password, user, session } = await app.newcomer();
    expect(principalOf({ user, session }).scopes).toEqual(userScopes);
    await app.rows(`update users set role = 'admin' where id = $1`, [user.id]);
    const admin = await app.signedIn('login', { email, password });
    expect(principalOf(admin).scopes).toEqual(scopes);
  });
});

describe('a refresh token', () => {
  it('is exchanged for another, and the session stays the same', async () => {
    const first = await app.newcomer();
    const second = await refreshed(first.session.refresh_token);
    expect(second.session.refresh_token).not.toBe(first.session.refresh_token);
    expect(principalOf(second)).toEqual(principalOf(first));
    expect((await refresh(second.session.refresh_token)).status).toBe(200);
  });

  it('that is spent ends its session, at the edge too, and once is recorded', async () => {
    const first = await app.newcomer();
    const second = await refreshed(first.session.refresh_token);
    clock += 10_001;
    expect((await refresh(first.session.refresh_token)).status).toBe(401);
    expect((await refresh(second.session.refresh_token)).status).toBe(401);
    expect((await refresh(first.session.refresh_token)).status).toBe(401);
    expect(await revocationsOf(principalOf(first))).toEqual([{ kind: 'session' }]);
    const reuses = await app.rows(`select from audit_log where action = 'session.reused' and user_id = $1`, [
      first.user.id,
    ]);
    expect(reuses).toHaveLength(1);
  });

  it('two turns back ends its session even within the grace', async () => {
    const first = await app.newcomer();
    const second = await refreshed(first.session.refresh_token);
    await refreshed(second.session.refresh_token);
    expect((await refresh(first.session.refresh_token)).status).toBe(401);
    expect(await revocationsOf(principalOf(first))).toHaveLength(1);
  });

  it('shown by twenty tabs at once gives all of them one and the same successor', async () => {
    const { session } = await app.newcomer();
    const all = await Promise.all(Array.from({ length: 20 }, () => refreshed(session.refresh_token)));
    const successors = new Set(all.map((each) => each.session.refresh_token));
    expect(successors.size).toBe(1);
    const [successor = ''] = successors;
    expect((await refresh(successor)).status).toBe(200);
  });

  it('shown twenty times at once after its grace ends the one session, with one entry in the feed', async () => {
    const first = await app.newcomer();
    await refreshed(first.session.refresh_token);
    clock += 10_001;
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(first.session.refresh_token)));
    expect(answers.every(({ status }) => status === 401)).toBe(true);
    expect(await revocationsOf(principalOf(first))).toHaveLength(1);
  });

  it('that is guessed ends nobody’s session, not even with the id of one', async () => {
    const { session, user } = await app.newcomer();
    const { sessionId } = principalOf({ session, user });
    const flipped = session.refresh_token.replace(/_[0-9A-Za-z]{4}/, '_0000');
    for (const guess of [
      'x',
      sessionId,
      `gaia_refresh_${sessionId}_${'0'.repeat(64)}`,
      flipped,
      session.access_token,
    ]) {
      expect((await refresh(guess)).status).toBe(401);
    }
    expect((await refresh(session.refresh_token)).status).toBe(200);
  });

  it('is of no use once its time is over, its session ended or its user disabled', async () => {
    const [old, loggedOut, disabled] = [await app.newcomer(), await app.newcomer(), await app.newcomer()];
    await app.rows(`update sessions set expires_at = $2 where user_id = $1`, [old.user.id, new Date(clock)]);
    await app.call('POST', 'logout', undefined, principalOf(loggedOut));
    await app.rows(`update users set disabled_at = now() where id = $1`, [disabled.user.id]);
    const answers = await Promise.all([old, loggedOut, disabled].map(({ session }) => refresh(session.refresh_token)));
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(new Set(answers.map(({ text }) => text.replaceAll(/req_\w+/g, ''))).size).toBe(1);
  });

  it('is stored as a hash only, and so is every one that follows it', async () => {
    const { session, user } = await app.newcomer();
    const next = await refreshed(session.refresh_token);
    const [row] = await app.rows(`select to_jsonb(s)::text as text from sessions s where user_id = $1`, [user.id]);
    for (const token of [session.refresh_token, next.session.refresh_token]) {
      for (const part of token.split('_').slice(2)) expect(JSON.stringify(row)).not.toContain(part);
    }
  });
});

describe('logging out', () => {
  it('ends the session of the token once, and no other', async () => {
    const { email, password, ...first } = await app.newcomer();
    const other = await app.signedIn('login', { email, password });
    const principal = principalOf(first);
    expect((await app.call('POST', 'logout', undefined, principal)).status).toBe(204);
    expect((await app.call('POST', 'logout', undefined, principal)).status).toBe(204);
    expect(await revocationsOf(principal)).toEqual([{ kind: 'session' }]);
    expect((await refresh(other.session.refresh_token)).status).toBe(200);
  });

  it('ends nothing of somebody else, and says so to a key, which has no session', async () => {
    const [mine, theirs] = [await app.newcomer(), await app.newcomer()];
    const forged = { ...principalOf(theirs), userId: mine.user.id };
    expect((await app.call('POST', 'logout', undefined, forged)).status).toBe(204);
    expect(await revocationsOf(principalOf(theirs))).toEqual([]);
    const byKey = { ...principalOf(mine), keyId: mine.user.id, sessionId: null };
    expect((await app.call('POST', 'logout', undefined, byKey)).status).toBe(400);
  });
});

describe('asking what a credential is worth', () => {
  const validate = async (body: object) => (await app.call('POST', 'validate', body)).json();
  const nothing = { valid: false, user_id: null, error: 'Could not validate credentials' };

  it('names the user of a good token and of a good key, and refuses two of different users', async () => {
    const [mine, theirs] = [await app.newcomer(), await app.newcomer()];
    const { key, hash } = await createApiKey('dev');
    await app.rows(`insert into api_keys (user_id, key_hash, scopes) values ($1, $2, '{}')`, [mine.user.id, hash]);
    const good = { valid: true, user_id: mine.user.id, error: null };
    const token = mine.session.access_token;
    expect(await validate({ token })).toEqual({ ...good, auth_type: 'jwt' });
    expect(await validate({ api_key: key })).toEqual({ ...good, auth_type: 'api_key' });
    expect(await validate({ token, api_key: key })).toEqual({ ...good, auth_type: 'jwt' });
    expect(await validate({ token: theirs.session.access_token, api_key: key })).toEqual({
      ...nothing,
      auth_type: 'jwt',
    });
    expect(await validate({ api_key: hash })).toEqual({ ...nothing, auth_type: 'api_key' });
    expect(await validate({})).toMatchObject({ valid: false, auth_type: 'none', user_id: null });
  });

  it('refuses a token whose session or user ended, a refresh token, and every forgery', async () => {
    const [ended, disabled, whole] = [await app.newcomer(), await app.newcomer(), await app.newcomer()];
    await app.call('POST', 'logout', undefined, principalOf(ended));
    await app.rows(`update users set disabled_at = now() where id = $1`, [disabled.user.id]);
    const { access_token: good, refresh_token: refreshToken } = whole.session;
    const [head = '', claims = '', signature = ''] = good.split('.');
    const none = Buffer.from(JSON.stringify({ alg: 'none', typ: 'JWT' })).toString('base64url');
    const bad = [
      ended.session.access_token,
      disabled.session.access_token,
      refreshToken,
      `${none}.${claims}.`,
      `${head}.${claims}.`,
      `${head}.${claims}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
      await signed({ expires: 1 }),
      await signed({ issuer: 'evil' }),
      await signed({ audience: 'chat' }),
    ];
    for (const token of [
      ...bad,
      `${good}=`,
      `${good}==`,
      `${good}.`,
      `${head}.${claims}=.${signature}`,
      'x'.repeat(16_000),
      `${good}${'A'.repeat(15_000)}`,
      ' ',
    ]) {
      expect(await validate({ token })).toEqual({ ...nothing, auth_type: 'jwt' });
    }
    for (const api_key of ['x'.repeat(16_000), 'ключ', ' ']) {
      expect(await validate({ api_key })).toEqual({ ...nothing, auth_type: 'api_key' });
    }
    expect(await validate({ token: good })).toMatchObject({ valid: true });
  });
});

async function signed({
  issuer = 'gaia',
  audience = 'gaia',
  expires = Math.floor(clock / 1_000) + 900,
}): Promise<string> {
  const { user } = await app.newcomer();
  return await new SignJWT({ scopes: [] })
    .setProtectedHeader({ alg: 'EdDSA', kid: 'test', typ: 'JWT' })
    .setIssuer(issuer)
    .setAudience(audience)
    .setSubject(user.id)
    .setIssuedAt(Math.floor(Date.now() / 1_000))
    .setExpirationTime(expires)
    .sign(app.signingKey.privateKey);
}
