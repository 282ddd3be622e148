import { base64url } from 'jose';
import { describe, expect, it } from 'vitest';
import { createAssertionSigner } from '#shared/identity/assertion-sign.ts';
import { scopes, type Principal } from '#shared/identity/principal.ts';
import { createSigner, createTestVerifier, signWithSecret, supabaseSecret, tokenOf, userId } from './test-tokens.ts';

const own = await createSigner('ES256', 'own-1');
const ownEdwards = await createSigner('EdDSA', 'own-2');
const foreign = await createSigner('ES256', 'own-1');
const elsewhere = await createSigner('ES256', 'elsewhere-1');
const supabase = await createSigner('ES256', 'supabase-1');
const supabaseRsa = await createSigner('RS256', 'supabase-2');

const verifierOf = () => createTestVerifier([own, ownEdwards], [supabase, supabaseRsa]);
const user = { kind: 'user', userId, keyId: null, limits: {} };

describe('a good token', () => {
  it.each([own, ownEdwards])('of ours gives the user it names, with the scopes it carries ($kid)', async (signer) => {
    const { verify, ownClaims } = verifierOf();
    expect(await verify(await signer.sign(ownClaims()))).toEqual({ ...user, scopes: ['chat:write'] });
  });

  it('that was exchanged for a key carries its id and its limits', async () => {
    const { verify, ownClaims } = verifierOf();
    const exchanged = { key_id: userId, limits: { rpm: 5 }, scopes: [] };
    expect(await verify(await own.sign(ownClaims(exchanged)))).toEqual({
      ...user,
      keyId: userId,
      limits: { rpm: 5 },
      scopes: [],
    });
  });

  it('of Supabase gives all that users may, by a published key and by its secret', async () => {
    const { verify, supabaseClaims } = verifierOf();
    const tokens = [
      await supabase.sign(supabaseClaims()),
      await supabaseRsa.sign(supabaseClaims()),
      await signWithSecret(supabaseClaims(), { header: { kid: 'whatever' } }),
    ];
    for (const token of tokens) {
      expect(await verify(token)).toEqual({
        ...user,
        sessionId: 'session-1',
        scopes: scopes.filter((scope) => scope !== 'admin'),
      });
    }
  });

  it('of Supabase never makes an admin, whatever its metadata says', async () => {
    const { verify, supabaseClaims } = verifierOf();
    const metadata = { role: 'admin', roles: ['admin'], scopes: ['admin'] };
    const boasting = { app_metadata: metadata, user_metadata: metadata, scopes: ['admin'], key_id: userId };
    const principal = await verify(await signWithSecret(supabaseClaims(boasting)));
    expect(principal?.keyId).toBeNull();
    expect(principal?.scopes).not.toContain('admin');
  });

  it.each([-30, 30])('survives clocks that differ by %d seconds', async (skew) => {
    const { verify, ownClaims, clock } = verifierOf();
    const token = await own.sign(ownClaims({ exp: clock.ms / 1_000 + 1, nbf: clock.ms / 1_000 }));
    clock.ms += skew * 1_000;
    expect(await verify(token)).not.toBeNull();
  });
});

describe('a token is refused', () => {
  const now = verifierOf().clock.ms / 1_000;
  it.each<[string, object]>([
    ['no expiry', { exp: undefined }],
    ['an expiry that is a text', { exp: String(now + 600) }],
    ['an expiry that is a fraction', { exp: now + 0.5 }],
    ['an expiry in the past', { iat: now - 600, exp: now - 31 }],
    ['a start in the future', { nbf: now + 31 }],
    ['a start that is a text', { nbf: 'now' }],
    ['no time of issue', { iat: undefined }],
    ['a time of issue in the future', { iat: now + 31 }],
    ['a time of issue that is a text', { iat: String(now) }],
    ['a life of more than an hour', { exp: now + 3_601 }],
    ['no subject', { sub: undefined }],
    ['null as its subject', { sub: null }],
    ['a subject that is no uuid', { sub: 'user-1' }],
    ['an empty subject', { sub: '' }],
    ['no issuer', { iss: undefined }],
    ['an issuer nobody knows', { iss: 'https://evil.test' }],
    ['a list of issuers', { iss: ['gaia'] }],
    ['an issuer of the prototype', { iss: '__proto__' }],
    ['another issuer of ours', { iss: 'https://project.supabase.test/auth/v1' }],
    ['no audience', { aud: undefined }],
    ['another audience', { aud: 'authenticated' }],
    ['another audience in a list', { aud: ['chat', 'asset'] }],
    ['an audience in a list in a list', { aud: [['gaia']] }],
    ['no scopes', { scopes: undefined }],
    ['a scope nobody knows', { scopes: ['chat:write', 'root'] }],
    ['scopes that are a text', { scopes: 'admin' }],
    ['a key that is no id', { key_id: 'key' }],
    ['limits that are texts', { limits: { rpm: 'none' } }],
    ['a session that is a number', { sid: 1 }],
  ])('with %s', async (_what, changes) => {
    const { verify, ownClaims } = verifierOf();
    expect(await verify(await own.sign(ownClaims()))).not.toBeNull();
    expect(await verify(await own.sign(ownClaims(changes)))).toBeNull();
  });

  it.each<[string, object]>([
    ['of the service, not of a user', { role: 'service_role' }],
    ['of nobody', { role: 'anon' }],
    ['of a user who never said who they are', { is_anonymous: true }],
    ['for another audience', { aud: 'anon' }],
    ['that lives longer than a day', { exp: now + 86_401 }],
  ])('that Supabase signed %s', async (_what, changes) => {
    const { verify, supabaseClaims } = verifierOf();
    expect(await verify(await signWithSecret(supabaseClaims(changes)))).toBeNull();
  });

  it.each<[string, object]>([
    ['no key id', { kid: undefined }],
    ['a key id that is a number', { kid: 1 }],
    ['a foreign key id', { kid: 'foreign' }],
    ['the key id of another algorithm', { kid: 'own-2' }],
    ['an address of keys', { jku: 'https://evil.test/jwks.json' }],
    ['a key of its own', { jwk: elsewhere.publicJwk }],
    ['an address of certificates', { x5u: 'https://evil.test/x' }],
    ['certificates of its own', { x5c: ['AAAA'] }],
    ['a critical extension', { crit: ['exp'] }],
    ['an unencoded payload', { crit: ['b64'], b64: false }],
    ['b64 alone', { b64: true }],
    ['another type', { typ: 'gaia-assertion+jwt' }],
    ['another algorithm than its key has', { alg: 'EdDSA' }],
    ['another algorithm of the same key', { alg: 'ES384' }],
  ])('with %s in its header', async (_what, header) => {
    const { verify, ownClaims, fetched } = verifierOf();
    expect(await verify(await own.sign(ownClaims(), header))).toBeNull();
    expect(fetched.filter(({ url }) => url.includes('evil'))).toEqual([]);
  });

  it('signed with another key of the same id, or of another issuer', async () => {
    const { verify, ownClaims, supabaseClaims } = verifierOf();
    const tokens = [
      await foreign.sign(ownClaims()),
      await foreign.sign(ownClaims(), { jwk: foreign.publicJwk }),
      await supabase.sign(ownClaims()),
      await own.sign(supabaseClaims()),
    ];
    for (const token of tokens) expect(await verify(token)).toBeNull();
  });

  it.each(['none', 'None', 'NONE', 'nOnE'])('unsigned, as alg %s', async (alg) => {
    const { verify, ownClaims } = verifierOf();
    for (const signature of ['', 'AAAA']) {
      expect(await verify(tokenOf({ alg, kid: 'own-1' }, ownClaims(), signature))).toBeNull();
    }
  });

  it('signed by HMAC with a public key, or by HMAC at all where there is no secret', async () => {
    const { verify, ownClaims, supabaseClaims } = verifierOf();
    for (const { kid, publicJwk } of [own, supabase, supabaseRsa]) {
      const secrets = [
        JSON.stringify(publicJwk),
        base64url.decode(publicJwk.x ?? publicJwk.n ?? ''),
        publicJwk.x ?? publicJwk.n ?? '',
      ];
      for (const secret of secrets) {
        for (const claims of [ownClaims(), supabaseClaims()]) {
          expect(await verify(await signWithSecret(claims, { secret, header: { kid } }))).toBeNull();
        }
      }
    }
    expect(await verify(await signWithSecret(ownClaims(), { secret: supabaseSecret }))).toBeNull();
  });

  it('where a JSON text can be read in two ways', async () => {
    const { verify, ownClaims } = verifierOf();
    const claims = JSON.stringify(ownClaims()).slice(0, -1);
    const texts = [
      `${claims},"sub":"${userId}"}`,
      `${claims},"__proto__":{}}`,
      `\uFEFF${claims}}`,
      `${claims},"deep":${'['.repeat(100)}${']'.repeat(100)}}`,
      `${claims},"nul":"\\u0000"}`,
      claims,
      `[${claims}}]`,
      'null',
      '',
    ];
    expect(await verify(await own.sign(`${claims}}`))).not.toBeNull();
    for (const text of texts) expect(await verify(await own.sign(text))).toBeNull();
    const header = '{"alg":"ES256","kid":"own-1"';
    expect(await verify(await own.sign(`${claims}}`, `${header}}`))).not.toBeNull();
    expect(await verify(await own.sign(`${claims}}`, `${header},"alg":"ES256"}`))).toBeNull();
  });

  it('of 16 kB, before anybody looks at it', async () => {
    const { verify, ownClaims, fetched } = verifierOf();
    expect(await verify(await own.sign(ownClaims({ padding: 'x'.repeat(12_000) })))).toBeNull();
    expect(fetched).toEqual([]);
  });

  it('that is an assertion between gateway and backend, even with a key of ours', async () => {
    const { verify, clock } = verifierOf();
    const sign = createAssertionSigner(ownEdwards.privateJwk, () => clock.ms);
    const admin: Principal = { kind: 'user', userId, keyId: null, scopes: ['admin'], limits: {} };
    expect(await verify(await sign(admin, 'chat'))).toBeNull();
  });
});
