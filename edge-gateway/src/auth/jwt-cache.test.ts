import { describe, expect, it, vi } from 'vitest';
import { createSigner, createTestVerifier, jwks, ownKeysUrl, signWithSecret, userId } from './test-tokens.ts';

const signer = await createSigner('EdDSA', 'own-1');

describe('a token that was verified before', () => {
  it('is believed again without another verification', async () => {
    const { verify, ownClaims, supabaseClaims, clock } = createTestVerifier([signer]);
    const tokens = [await signer.sign(ownClaims()), await signWithSecret(supabaseClaims())];
    const verifications = vi.spyOn(crypto.subtle, 'verify');
    const first = await Promise.all(tokens.map((token) => verify(token)));
    expect(verifications).toHaveBeenCalledTimes(2);
    clock.ms += 9 * 60_000;
    expect(await Promise.all(tokens.map((token) => verify(token)))).toEqual(first);
    expect(verifications).toHaveBeenCalledTimes(2);
    verifications.mockRestore();
  });

  it('ends with its expiry', async () => {
    const verifier = createTestVerifier([signer]);
    const { verify, ownClaims, supabaseClaims, clock } = verifier;
    const tokens = [await signer.sign(ownClaims()), await signWithSecret(supabaseClaims())];
    for (const token of tokens) expect(await verify(token)).not.toBeNull();
    clock.ms += 631_000;
    for (const token of tokens) expect(await verify(token)).toBeNull();
  });

  it('ends when its key is taken away, at the latest after ten minutes', async () => {
    const { verify, ownClaims, served, clock } = createTestVerifier([signer]);
    const token = await signer.sign(ownClaims({ exp: clock.ms / 1_000 + 3_600 }));
    expect(await verify(token)).not.toBeNull();
    clock.ms += 5 * 60_000;
    expect(await verify(await signer.sign(ownClaims()))).not.toBeNull();
    served[ownKeysUrl] = jwks([]);
    clock.ms += 5 * 60_000;
    expect(await verify(token)).toBeNull();
  });

  it('ends with its session, whose id, user, time and key are asked about every time', async () => {
    const verifier = createTestVerifier([signer]);
    const { verify, ownClaims, supabaseClaims, clock, revocations } = verifier;
    const own = await signer.sign(ownClaims({ sid: 'session-2', key_id: userId }));
    const tokens = [own, await signer.sign(ownClaims()), await signWithSecret(supabaseClaims())];
    for (const token of tokens) expect(await verify(token)).not.toBeNull();
    const asked: unknown[] = [];
    revocations.isSessionRevoked = (...about) => {
      asked.push(about);
      return true;
    };
    for (const token of tokens) expect(await verify(token)).toBeNull();
    const issuedAt = clock.ms / 1_000;
    expect(asked).toEqual([
      ['session-2', userId, issuedAt, userId],
      [null, userId, issuedAt, null],
      ['session-1', userId, issuedAt, null],
    ]);
    revocations.isSessionRevoked = () => false;
    for (const token of tokens) expect(await verify(token)).not.toBeNull();
  });

  it('vouches for no other token, and a bad one is never remembered', async () => {
    const { verify, ownClaims, served, clock } = createTestVerifier([]);
    const token = await signer.sign(ownClaims());
    expect(await verify(token)).toBeNull();
    served[ownKeysUrl] = jwks([signer]);
    clock.ms += 60_000;
    expect(await verify(token)).not.toBeNull();
    expect(await verify(`${token.slice(0, token.lastIndexOf('.'))}.${'A'.repeat(86)}`)).toBeNull();
  });
});
