import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { createAssertionSigner } from './assertion-sign.ts';
import { createAssertionVerifier } from './assertion-verify.ts';
import { assertionRules } from './assertion.ts';
import type { Principal } from './principal.ts';

const principal: Principal = { kind: 'user', userId: 'u1', keyId: 'k1', scopes: ['chat:write'], limits: { rpm: 5 } };
const ours = await keyPair('gateway-1');
const foreign = await keyPair('gateway-1');
const keys = { keys: [ours.publicJwk] };
const start = Date.parse('2026-11-21T12:00:00Z');
const goodClaims = {
  principal,
  iss: assertionRules.issuer,
  aud: 'chat',
  iat: start / 1_000,
  exp: start / 1_000 + assertionRules.lifetimeSeconds,
};

describe('an assertion', () => {
  it('carries the principal to the backend it was made for', async () => {
    expect(await verify(await sign())).toEqual(principal);
  });

  it('is worthless at another backend', async () => {
    expect(await createAssertionVerifier(keys, 'asset', () => start)(await sign())).toBeNull();
  });

  it('is worthless when signed with another key of the same id', async () => {
    expect(await verify(await createAssertionSigner(foreign.privateJwk, () => start)(principal, 'chat'))).toBeNull();
  });

  it('dies with its expiry, also where it was verified before', async () => {
    let now = start;
    const verifier = createAssertionVerifier(keys, 'chat', () => now);
    const token = await sign();
    expect(await verifier(token)).toEqual(principal);
    now = start + (assertionRules.lifetimeSeconds + assertionRules.clockToleranceSeconds + 1) * 1_000;
    expect(await verifier(token)).toBeNull();
  });

  it.each([-30_000, 30_000])('survives clocks that differ by %d ms', async (skew) => {
    expect(await createAssertionVerifier(keys, 'chat', () => start + skew)(await sign())).toEqual(principal);
  });

  it('is refused when it is dated in the future', async () => {
    const tomorrow = start + 24 * 3_600_000;
    const token = await createAssertionSigner(ours.privateJwk, () => tomorrow)(principal, 'chat');
    expect(await verify(token)).toBeNull();
    expect(await createAssertionVerifier(keys, 'chat', () => tomorrow)(token)).toEqual(principal);
  });

  it('is refused for every bit flipped in its signature and for every truncation', async () => {
    const token = await sign();
    const [head, payload, signature] = token.split('.');
    const raw = Buffer.from(signature ?? '', 'base64url');
    for (let bit = 0; bit < raw.length * 8; bit += 7) {
      const flipped = Buffer.from(raw);
      flipped.writeUInt8((flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7)), bit >> 3);
      expect(await verify(`${head}.${payload}.${flipped.toString('base64url')}`)).toBeNull();
    }
    for (let length = 0; length < token.length; length += 11) expect(await verify(token.slice(0, length))).toBeNull();
  });

  it.each([
    ['a longer life than the rules allow', { exp: start / 1_000 + 3_600 }, {}],
    ['no expiry', { exp: undefined }, {}],
    ['another issuer', { iss: 'somebody' }, {}],
    ['a principal of no known kind', { principal: { kind: 'root' } }, {}],
    ['another type of token', {}, { typ: 'JWT' }],
    ['an unknown key id', {}, { kid: 'other' }],
    ['a critical extension', {}, { crit: ['exp'] }],
  ])('is refused with %s', async (_what, claims, header) => {
    const signed = (claimChange: object, headerChange: object) =>
      new SignJWT({ ...goodClaims, ...claimChange })
        .setProtectedHeader({ alg: 'EdDSA', kid: 'gateway-1', typ: assertionRules.type, ...headerChange })
        .sign(ours.privateKey);
    expect(await verify(await signed({}, {}))).toEqual(principal);
    expect(await verify(await signed(claims, header).catch(() => 'unsignable'))).toBeNull();
  });

  it('is refused unsigned, or signed by HMAC with the public key', async () => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    expect(await verify(`${part({ alg: 'none', typ: assertionRules.type })}.${part(goodClaims)}.`)).toBeNull();
    const hmac = new SignJWT(goodClaims).setProtectedHeader({
      alg: 'HS256',
      kid: 'gateway-1',
      typ: assertionRules.type,
    });
    expect(await verify(await hmac.sign(new TextEncoder().encode(ours.publicJwk.x)))).toBeNull();
  });
});

function sign(): Promise<string> {
  return createAssertionSigner(ours.privateJwk, () => start)(principal, 'chat');
}

function verify(token: string): Promise<Principal | null> {
  return createAssertionVerifier(keys, 'chat', () => start)(token);
}

async function keyPair(kid: string): Promise<{ privateKey: CryptoKey; privateJwk: JWK; publicJwk: JWK }> {
  const { privateKey, publicKey } = await generateKeyPair('Ed25519', { extractable: true });
  const [privateJwk, publicJwk] = await Promise.all([exportJWK(privateKey), exportJWK(publicKey)]);
  return { privateKey, privateJwk: { ...privateJwk, kid }, publicJwk: { ...publicJwk, kid, alg: 'EdDSA' } };
}
