import { exportJWK, generateKeyPair, type JSONWebKeySet } from 'jose';
import { contractVersion } from '#shared/contract-version.ts';
import { headerNames } from '#shared/http/headers.ts';
import { createAssertionSigner } from '#shared/identity/assertion-sign.ts';
import type { ServiceName } from '#shared/identity/assertion.ts';
import { scopes, type Principal } from '#shared/identity/principal.ts';

export type TestIdentity = {
  /** What a backend trusts: the value of GATEWAY_PUBLIC_KEYS, parsed. */
  publicKeys: JSONWebKeySet;
  sign: (principal: Principal, audience: ServiceName) => Promise<string>;
  /** What the gateway adds to a request it forwards for this principal. */
  headers: (principal: Principal, audience: ServiceName) => Promise<Record<string, string>>;
};

export const testUser: Principal = {
  kind: 'user',
  userId: '00000000-0000-4000-8000-00000000000a',
  keyId: '00000000-0000-4000-8000-00000000000b',
  scopes: scopes.filter((scope) => scope !== 'admin'),
  limits: {},
};

/** A gateway's identity, made anew: its public keys for a backend, and assertions that this backend accepts. */
export async function createTestIdentity(kid = 'test'): Promise<TestIdentity> {
  const { publicKey, privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const sign = createAssertionSigner({ ...(await exportJWK(privateKey)), kid });
  return {
    publicKeys: { keys: [{ ...(await exportJWK(publicKey)), kid }] },
    sign,
    headers: async (principal, audience) => ({
      [headerNames.assertion]: await sign(principal, audience),
      [headerNames.contract]: String(contractVersion),
    }),
  };
}
