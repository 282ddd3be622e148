import { createLocalJWKSet, jwtVerify, SignJWT, type JSONWebKeySet } from 'jose';
import * as z from 'zod';
import { AppError } from '#shared/http/error.ts';
import { isCanonicalToken } from '#shared/identity/canonical-token.ts';
import { scopes, type Scope } from '#shared/identity/principal.ts';
import type { KeyGrant } from '../keys/key-grant.ts';
import { publicKeysOf, type SigningKey } from './signing-keys.ts';

/** For which models and from where a token may be used. Null: no restriction. */
export type TokenRestrictions = Pick<KeyGrant, 'allowedModels' | 'allowedOrigins' | 'allowedIps'>;

/** What a token says. `keyId`: the key that was exchanged for it. */
export type TokenGrant = {
  userId: string;
  sessionId?: string;
  keyId?: string;
  scopes: readonly Scope[];
  /** Limits that the holder shares with its key, as the edge understands them. */
  limits?: object;
  restrictions?: TokenRestrictions;
  lifetimeSeconds: number;
  /** Seconds since 1970; absent: now. */
  issuedAt?: number;
};

export type TokenSubject = { userId: string; sessionId: string | null; keyId: string | null; issuedAt: Date };

export type AccessTokens = {
  issue: (grant: TokenGrant) => Promise<string>;
  /** Whose token it is, or null for anything that is not a good token of ours. Says nothing about revocation. */
  read: (token: string) => Promise<TokenSubject | null>;
  /** Fails with `unavailable` where no key is configured, before anything is changed for a token that cannot be made. */
  requireKey: () => SigningKey;
};

/** What the edge demands of our tokens (edge-gateway/src/auth/token-issuers.ts). */
const issuer = 'gaia';
const audience = 'gaia';

const ClaimsSchema = z.object({
  sub: z.uuid(),
  sid: z.uuid().optional(),
  key_id: z.uuid().optional(),
  scopes: z.array(z.enum(scopes)),
  iat: z.int(),
});

/** The first key signs; all of them are published and believed, so that keys can change without anybody noticing. */
export function createAccessTokens(keys: readonly SigningKey[], now: () => number = Date.now): AccessTokens {
  const published = createLocalJWKSet(publicKeySet(keys));
  const requireKey = (): SigningKey => {
    const [key] = keys;
    if (key) return key;
    throw new AppError('unavailable', 'No sessions are given out here: TOKEN_SIGNING_KEYS has no key');
  };
  return {
    requireKey,
    issue: async ({ userId, sessionId, keyId, scopes, limits, restrictions, lifetimeSeconds, ...grant }) => {
      const { algorithm, kid, privateKey } = requireKey();
      const { issuedAt = Math.floor(now() / 1_000) } = grant;
      return await new SignJWT({
        scopes: [...scopes],
        ...(sessionId !== undefined && { sid: sessionId }),
        ...(keyId !== undefined && { key_id: keyId }),
        ...(limits && { limits }),
        ...(restrictions && restrictionClaims(restrictions)),
      })
        .setProtectedHeader({ alg: algorithm, kid, typ: 'JWT' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(userId)
        .setIssuedAt(issuedAt)
        .setExpirationTime(issuedAt + lifetimeSeconds)
        .sign(privateKey);
    },
    read: async (token) => {
      const claims = ClaimsSchema.safeParse(await claimsOf(token, published, now()));
      if (!claims.success) return null;
      const { sub, sid = null, key_id: keyId = null, iat } = claims.data;
      return { userId: sub, sessionId: sid, keyId, issuedAt: new Date(iat * 1_000) };
    },
  };
}

/** Only those that there are: a list in every token would be paid for by every request. */
function restrictionClaims({ allowedModels, allowedOrigins, allowedIps }: TokenRestrictions): object {
  return {
    ...(allowedModels && { allowed_models: allowedModels }),
    ...(allowedOrigins && { allowed_origins: allowedOrigins }),
    ...(allowedIps && { allowed_ips: allowedIps }),
  };
}

async function claimsOf(token: string, keys: ReturnType<typeof createLocalJWKSet>, now: number): Promise<unknown> {
  if (!isCanonicalToken(token)) return null;
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ['EdDSA', 'ES256'],
      issuer,
      audience,
      typ: 'JWT',
      requiredClaims: ['exp', 'iat', 'sub'],
      currentDate: new Date(now),
    });
    return payload;
  } catch {
    return null; // Every reason is the same answer; which one it was is nobody's business.
  }
}

function publicKeySet(keys: readonly SigningKey[]): JSONWebKeySet {
  return { keys: publicKeysOf(keys).keys.map((key) => ({ kty: '', ...key })) };
}
