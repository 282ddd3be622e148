import { base64url } from 'jose';
import * as z from 'zod/mini';
import { parseStrictJson } from '#shared/http/strict-json.ts';

/** All that any issuer may sign with. Which of them one issuer may use is its own, shorter list. */
export const algorithms = ['ES256', 'EdDSA', 'RS256', 'HS256'] as const;
export type Algorithm = (typeof algorithms)[number];

/**
 * Closed on purpose: `jku`, `jwk`, `x5u` and `x5c` would let a token bring its own key, `crit` and `b64` change what is
 * signed, and what we would ignore somebody else may obey.
 */
const HeaderSchema = z.strictObject({
  alg: z.enum(algorithms),
  kid: z.optional(z.string().check(z.minLength(1), z.maxLength(256))),
  typ: z.optional(z.literal('JWT')),
});

const ClaimsSchema = z.looseObject({
  iss: z.string(),
  sub: z.uuid(),
  aud: z.union([z.string(), z.array(z.string())]),
  iat: z.int().check(z.nonnegative()),
  exp: z.int().check(z.nonnegative()),
  nbf: z.optional(z.int().check(z.nonnegative())),
});

export type TokenHeader = z.infer<typeof HeaderSchema>;
export type TokenClaims = z.infer<typeof ClaimsSchema>;

/** Whether a credential means to be a token; a key never starts like one. */
export function isTokenShaped(credential: string): boolean {
  return credential.startsWith('eyJ') && credential.split('.').length === 3;
}

/** What a canonical token says of itself, not believed yet. Null: no good token says this. */
export function readToken(token: string): { header: TokenHeader; claims: TokenClaims } | null {
  const [header, claims] = token.split('.').map(jsonOf);
  const parsed = { header: HeaderSchema.safeParse(header), claims: ClaimsSchema.safeParse(claims) };
  if (!parsed.header.success || !parsed.claims.success) return null;
  return { header: parsed.header.data, claims: parsed.claims.data };
}

function jsonOf(part: string): unknown {
  try {
    return parseStrictJson(base64url.decode(part));
  } catch {
    return undefined; // Whatever is wrong with it, it is no token.
  }
}
