import { createLocalJWKSet, jwtVerify, type JSONWebKeySet, type JWTPayload } from 'jose';
import { assertionRules, type ServiceName } from './assertion.ts';
import { PrincipalSchema, type Principal } from './principal.ts';

/** Gives the principal, or null for anything that is not a valid assertion for this service. */
export type AssertionVerifier = (token: string) => Promise<Principal | null>;

const cacheLimit = 5_000;

/**
 * Verifies assertions against the gateway's public keys. The gateway reuses one per caller for half a minute,
 * so a verified one is remembered until it expires; nothing else is.
 */
export function createAssertionVerifier(
  publicKeys: JSONWebKeySet,
  audience: ServiceName,
  now: () => number = Date.now,
): AssertionVerifier {
  const keys = createLocalJWKSet(publicKeys);
  const verified = new Map<string, { principal: Principal; expiresAt: number }>();
  return async (token) => {
    const known = verified.get(token);
    if (known && known.expiresAt > now()) return known.principal;
    if (known) verified.delete(token);
    const claims = await claimsOf(token, keys, audience, now);
    const principal = PrincipalSchema.safeParse(claims?.['principal']);
    if (!claims?.exp || !principal.success) return null;
    if (verified.size >= cacheLimit) verified.clear();
    verified.set(token, { principal: principal.data, expiresAt: claims.exp * 1000 });
    return principal.data;
  };
}

async function claimsOf(
  token: string,
  keys: ReturnType<typeof createLocalJWKSet>,
  audience: ServiceName,
  now: () => number,
): Promise<JWTPayload | null> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: [assertionRules.algorithm],
      issuer: assertionRules.issuer,
      audience,
      typ: assertionRules.type,
      requiredClaims: ['iat', 'exp', 'principal'],
      // Also refuses one that is dated in the future, which would be good until then.
      maxTokenAge: assertionRules.lifetimeSeconds,
      clockTolerance: assertionRules.clockToleranceSeconds,
      currentDate: new Date(now()),
    });
    return lifetime(payload) <= assertionRules.lifetimeSeconds ? payload : null;
  } catch {
    return null; // Every reason is the same 401; which one it was is nobody's business.
  }
}

function lifetime({ iat = 0, exp = Infinity }: JWTPayload): number {
  return exp - iat;
}
