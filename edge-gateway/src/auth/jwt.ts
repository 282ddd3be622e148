import { jwtVerify } from 'jose';
import { hashApiKey } from '#shared/identity/api-key.ts';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import { isCanonicalToken } from '#shared/identity/canonical-token.ts';
import { createBoundedCache } from '../bounded-cache.ts';
import type { Grant, TokenIssuer } from './token-issuers.ts';
import type { VerificationKey } from './token-keys.ts';
import { readToken, type TokenClaims, type TokenHeader } from './token-text.ts';

/** The part of the revocation feed that tokens need. */
export type SessionRevocations = {
  /** `keyId`: the key that was exchanged for the token, which ends with it. */
  isSessionRevoked: (sessionId: string | null, userId: string, issuedAt: number, keyId: string | null) => boolean;
};

export type TokenVerifierOptions = {
  issuers: readonly TokenIssuer[];
  revocations: SessionRevocations;
  now?: () => number;
};

/** Whose a token is and from where it may be used, as the key store tells it of a key. */
type Holder = Pick<ResolvedKey, 'principal' | 'restrictions'>;

export type TokenVerifier = {
  /** Whom a token with this hash stands for, where that is remembered and still good. Ask `verify` where it is not. */
  recall: (tokenHash: string) => Holder | null;
  /** Null for any token that is not good, whatever the reason. Rejects with `unavailable` when that cannot be known. */
  verify: (token: string) => Promise<Holder | null>;
};

/** What is remembered of a token that was good once; whether its session still lives is asked every time. */
type Verified = {
  holder: Holder;
  sessionId: string | null;
  issuedAt: number;
  /** In milliseconds: its end, or when its key has to be looked at again. */
  until: number;
};

const cacheLimit = 10_000;
const clockToleranceSeconds = 30;

/** Verifies the tokens of these issuers. Only good ones are remembered, by the hash of every byte of theirs. */
export function createTokenVerifier({ issuers, revocations, now = Date.now }: TokenVerifierOptions): TokenVerifier {
  const issuerOf = new Map(issuers.map((issuer) => [issuer.name, issuer]));
  const cache = createBoundedCache<Verified>(cacheLimit);

  async function check(token: string, hash: string): Promise<Verified | null> {
    const said = readToken(token);
    const issuer = said && issuerOf.get(said.claims.iss);
    if (!issuer || !isTimely(said.claims, issuer, now())) return null;
    const trusted = await issuer.keys[said.header.alg]?.(said.header.kid, said.header.alg);
    if (!trusted || !(await isSigned({ token, issuer, now: now(), ...said, ...trusted }))) return null;
    const grant = issuer.grant(said.claims);
    if (!grant) return null;
    const verified = verifiedFrom(said.claims, grant, trusted.trustedUntil);
    if (verified.until > now()) cache.set(hash, verified);
    return verified;
  }

  const remembered = (hash: string): Verified | null => {
    const known = cache.get(hash);
    return known && known.until > now() ? known : null;
  };
  const unlessRevoked = ({ holder, sessionId, issuedAt }: Verified): Holder | null => {
    const { userId, keyId } = holder.principal;
    return revocations.isSessionRevoked(sessionId, userId, issuedAt, keyId) ? null : holder;
  };
  return {
    recall: (tokenHash) => {
      const known = remembered(tokenHash);
      return known && unlessRevoked(known);
    },
    verify: async (token) => {
      if (!isCanonicalToken(token)) return null;
      const hash = await hashApiKey(token);
      const verified = remembered(hash) ?? (await check(token, hash));
      return verified && unlessRevoked(verified);
    },
  };
}

/** Tokens from the future, and those that live longer than their issuer may let them. jose looks at the rest. */
function isTimely({ iat, exp }: TokenClaims, { maxLifetimeSeconds }: TokenIssuer, now: number): boolean {
  return iat <= now / 1_000 + clockToleranceSeconds && exp - iat <= maxLifetimeSeconds;
}

type Signed = { token: string; header: TokenHeader; issuer: TokenIssuer; key: VerificationKey; now: number };

async function isSigned({ token, header, issuer, key, now }: Signed): Promise<boolean> {
  try {
    await jwtVerify(token, key, {
      algorithms: [header.alg],
      issuer: issuer.name,
      audience: issuer.audience,
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(now),
    });
    return true;
  } catch {
    return false; // Every reason is the same 401; which one it was is nobody's business.
  }
}

function verifiedFrom({ sub, iat, exp }: TokenClaims, grant: Grant, trustedUntil: number): Verified {
  const { sessionId, restrictions } = grant;
  const principal = {
    kind: 'user',
    userId: sub,
    ...(sessionId !== null && { sessionId }),
    ...grant.principal,
  } as const;
  const until = Math.min(exp * 1_000, trustedUntil);
  return { holder: { principal, restrictions }, sessionId, issuedAt: iat, until };
}
