import { importJWK, SignJWT, type JWK } from 'jose';
import { assertionRules, type ServiceName } from './assertion.ts';
import type { Principal } from './principal.ts';

export type AssertionSigner = (principal: Principal, audience: ServiceName) => Promise<string>;

/** Signs a principal for one backend with the gateway's private Ed25519 key. The key is imported once. */
export function createAssertionSigner(privateKey: JWK, now: () => number = Date.now): AssertionSigner {
  const key = importJWK(privateKey, assertionRules.algorithm);
  const header = { alg: assertionRules.algorithm, typ: assertionRules.type, kid: privateKey.kid ?? '' };
  return async (principal, audience) => {
    const issuedAt = Math.floor(now() / 1000);
    return await new SignJWT({ principal })
      .setProtectedHeader(header)
      .setIssuer(assertionRules.issuer)
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + assertionRules.lifetimeSeconds)
      .sign(await key);
  };
}
