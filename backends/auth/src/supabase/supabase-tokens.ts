import { createRemoteJWKSet, decodeJwt, errors, jwtVerify, SignJWT, type JWTVerifyGetKey } from 'jose';
import * as z from 'zod';
import { AppError } from '#shared/http/error.ts';
import { isCanonicalToken } from '#shared/identity/canonical-token.ts';
import type { TokenSubject } from '../tokens/access-tokens.ts';
import { authUrlOf } from './gotrue.ts';

export type SupabaseTokensOptions = { url: string; jwtSecret: string | null; timeoutMs?: number };

export type SupabaseTokens = {
  /** Null for anything that is not a user's good token. Fails with `unavailable` while that cannot be known. */
  read: (token: string) => Promise<TokenSubject | null>;
  /** A token in the name of a session, for ending it at Supabase. Null without the secret that it takes. */
  forEnding: (session: { sessionId: string; userId: string }) => Promise<string | null>;
};

/** What the edge demands of Supabase's tokens (edge-gateway/src/auth/token-issuers.ts). */
const audience = 'authenticated';
const maxLifetimeSeconds = 24 * 3_600;
const clockToleranceSeconds = 30;

const ClaimsSchema = z.object({
  sub: z.uuid(),
  session_id: z.string().min(1).max(128).optional(),
  role: z.literal('authenticated'),
  is_anonymous: z.literal(false).optional(),
  iat: z.int(),
  exp: z.int(),
});

export function createSupabaseTokens({ url, jwtSecret, timeoutMs = 2_000 }: SupabaseTokensOptions): SupabaseTokens {
  const issuer = authUrlOf(url).href;
  const secret = jwtSecret === null ? null : new TextEncoder().encode(jwtSecret);
  // It asks once for an unknown `kid` and then not again for a while, so that strangers' tokens cannot make it a flood.
  const published = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`), {
    timeoutDuration: timeoutMs,
    cooldownDuration: 30_000,
    cacheMaxAge: 600_000,
  });
  const keyOf: JWTVerifyGetKey = async (header, token) => {
    if (header.alg !== 'HS256') return await published(header, token);
    if (secret) return secret;
    throw new errors.JWKSNoMatchingKey();
  };
  return {
    read: async (token) => {
      if (!isCanonicalToken(token) || !isFrom(token, issuer)) return null;
      const claims = ClaimsSchema.safeParse(await claimsOf(token, issuer, keyOf));
      if (!claims.success || claims.data.exp - claims.data.iat > maxLifetimeSeconds) return null;
      const { sub, session_id: sessionId = null, iat } = claims.data;
      return { userId: sub, sessionId, keyId: null, issuedAt: new Date(iat * 1_000) };
    },
    forEnding: async ({ sessionId, userId }) =>
      secret &&
      (await new SignJWT({ session_id: sessionId, role: 'authenticated' })
        .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(userId)
        .setIssuedAt()
        .setExpirationTime('60s')
        .sign(secret)),
  };
}

/** The session that a token of Supabase belongs to, from a token that came from there itself. */
export function sessionIdIn(accessToken: string): string | null {
  try {
    return ClaimsSchema.shape.session_id.parse(decodeJwt(accessToken)['session_id']) ?? null;
  } catch {
    return null; // Older servers say nothing of it, and then the session is its user's only name.
  }
}

/** Before anything is asked of anybody: whose tokens it pretends to be. */
function isFrom(token: string, issuer: string): boolean {
  try {
    return decodeJwt(token).iss === issuer;
  } catch {
    return false;
  }
}

async function claimsOf(token: string, issuer: string, keyOf: JWTVerifyGetKey): Promise<unknown> {
  try {
    const { payload } = await jwtVerify(token, keyOf, {
      algorithms: ['ES256', 'RS256', 'HS256'],
      issuer,
      audience,
      clockTolerance: clockToleranceSeconds,
      requiredClaims: ['exp', 'iat', 'sub'],
    });
    return payload;
  } catch (cause) {
    if (isVerdict(cause)) return null;
    throw new AppError('unavailable', 'The keys of Supabase cannot be read right now', { cause, retryAfterSeconds: 5 });
  }
}

/** Told apart from keys that could not be fetched: jose throws its plain error, or fetch's, for those. */
function isVerdict(cause: unknown): boolean {
  if (!(cause instanceof errors.JOSEError)) return false;
  return ![errors.JWKSTimeout.code, errors.JWKSInvalid.code, errors.JOSEError.code].includes(cause.code);
}
