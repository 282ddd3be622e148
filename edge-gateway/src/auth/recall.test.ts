import { createApiKey } from '#shared/identity/api-key.ts';
import { describe, expect, it, vi } from 'vitest';
import { createKeyCache } from '../keys/key-cache.ts';
import type { Revocations } from '../keys/revocations.ts';
import { aUser, nothingRevoked } from '../test-gateway.ts';
import { authenticate, type Identities } from './authenticate.ts';
import { createCredentialHashes } from './credential-hashes.ts';

const { key } = await createApiKey('dev');
const token = 'eyJhbGciOiJIUzI1NiJ9.e30.AAAA';
const headers = new Map([['x-api-key', key]]);
const noWork = (): void => undefined;

function identities(changes: Partial<Revocations> = {}, find = vi.fn(async () => aUser)) {
  const revocations = { ...nothingRevoked, ...changes };
  const tokens = { verify: vi.fn(async () => aUser), recall: vi.fn(() => aUser) };
  const all = { keys: createKeyCache({ store: { find }, revocations }), tokens, revocations };
  return { ...all, hashes: createCredentialHashes(), find } satisfies Identities & { find: unknown };
}

describe('a caller who comes again', () => {
  it('is known at once, without a promise and without asking anybody', async () => {
    const known = identities();
    expect(authenticate(headers, known, noWork)).toBeInstanceOf(Promise);
    await authenticate(headers, known, noWork);
    expect(authenticate(headers, known, noWork)).toBe(aUser);
    expect(known.find).toHaveBeenCalledTimes(1);
  });

  it('is looked up again once the key was revoked or changed', async () => {
    let changed = false;
    const known = identities({ hasKeyChanged: () => changed });
    await authenticate(headers, known, noWork);
    changed = true;
    known.find.mockImplementation(async () => {
      changed = false;
      throw new Error('asked again');
    });
    await expect(authenticate(headers, known, noWork)).rejects.toThrow('asked again');
  });

  it('waits until revocations are current, when they are not', async () => {
    let fresh = true;
    const current = vi.fn(async () => undefined);
    const known = identities({ areFresh: () => fresh, current });
    await authenticate(headers, known, noWork);
    fresh = false;
    current.mockRejectedValue(new Error('nobody knows'));
    await expect(authenticate(headers, known, noWork)).rejects.toThrow('nobody knows');
  });

  it('with a token is asked of the tokens, never of the keys', async () => {
    const known = identities();
    const bearer = new Map([['authorization', `Bearer ${token}`]]);
    await authenticate(bearer, known, noWork);
    expect(authenticate(bearer, known, noWork)).toBe(aUser);
    expect(known.tokens.recall).toHaveBeenCalledTimes(1);
    expect(known.find).not.toHaveBeenCalled();
  });

  it('with two credentials has both of them checked, whatever is remembered', async () => {
    const known = identities();
    await authenticate(headers, known, noWork);
    const both = new Map([...headers, ['authorization', `Bearer ${token}`]]);
    await authenticate(both, known, noWork);
    expect(known.tokens.verify).toHaveBeenCalledTimes(1);
  });
});

describe('what is remembered of credentials', () => {
  it('is nothing where they are not good', async () => {
    const known = identities({}, vi.fn<() => Promise<never>>().mockRejectedValue(new Error('away')));
    await expect(authenticate(headers, known, noWork)).rejects.toThrow('away');
    expect(() => authenticate(new Map(), known, noWork)).toThrow(expect.objectContaining({ status: 401 }));
    expect(known.hashes.size()).toBe(0);
  });

  it('is bounded', async () => {
    const hashes = createCredentialHashes();
    for (let index = 0; index < 12_000; index += 1) await hashes.remember(`key-${index}`);
    expect(hashes.size()).toBeLessThanOrEqual(10_000);
  });
});
