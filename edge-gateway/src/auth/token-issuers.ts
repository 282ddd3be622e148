import * as z from 'zod/mini';
import { contractVersion } from '#shared/contract-version.ts';
import { headerNames } from '#shared/http/headers.ts';
import { LimitsSchema, scopes, type UserPrincipal } from '#shared/identity/principal.ts';
import type { Restrictions } from '#shared/identity/resolved-key.ts';
import type { Config } from '../config.ts';
import type { Assertions } from './assertion.ts';
import { createJwks, type JwksOptions } from './jwks.ts';
import { sharedSecret, type KeySource } from './token-keys.ts';
import type { Algorithm } from './token-text.ts';

/** What a token grants, beyond whose it is. */
export type Grant = {
  principal: Pick<UserPrincipal, 'keyId' | 'scopes' | 'limits' | 'allowedModels'>;
  sessionId: string | null;
  restrictions: Restrictions;
};

/** Somebody whose tokens we take. */
export type TokenIssuer = {
  /** Its `iss`, which decides by whose rules a token is judged. */
  name: string;
  audience: string;
  /** The only algorithms it may sign with, each with the only keys it can meet: a secret is never a public key. */
  keys: Partial<Record<Algorithm, KeySource>>;
  maxLifetimeSeconds: number;
  /** Reads verified claims. Null for a token that is not meant for people to use here. */
  grant: (claims: unknown) => Grant | null;
};

export type TokenIssuersOptions = Pick<JwksOptions, 'send' | 'background' | 'now'> & {
  config: Pick<Config, 'AUTH_SERVICE_URL' | 'SUPABASE_URL' | 'SUPABASE_JWT_SECRET'>;
  assertions: Assertions;
};

/** Our own auth backend, and Supabase where it is configured. */
export function createTokenIssuers(options: TokenIssuersOptions): TokenIssuer[] {
  const { SUPABASE_URL: url, SUPABASE_JWT_SECRET: secret } = options.config;
  const own = ownIssuer(options);
  return url === undefined ? [own] : [own, supabase(url, secret, options)];
}

const Id = z.string().check(z.minLength(1), z.maxLength(128));

const Entries = z._default(z.nullable(z.array(z.string())), null);

const OwnGrantSchema = z.object({
  sid: z.optional(Id),
  scopes: z.array(z.enum(scopes)),
  /** The key that was exchanged for this token, whose limits and restrictions it shares. */
  key_id: z.optional(z.uuid()),
  limits: z._default(LimitsSchema, {}),
  allowed_models: Entries,
  allowed_origins: Entries,
  allowed_ips: Entries,
});

function ownIssuer({ config, assertions, ...options }: TokenIssuersOptions): TokenIssuer {
  const jwks = createJwks({
    ...options,
    url: new URL('/.well-known/jwks.json', config.AUTH_SERVICE_URL).href,
    headers: async () => ({
      [headerNames.assertion]: await assertions({ kind: 'anonymous' }, 'auth'),
      [headerNames.contract]: String(contractVersion),
    }),
  });
  return {
    name: 'gaia',
    audience: 'gaia',
    keys: { ES256: jwks, EdDSA: jwks },
    maxLifetimeSeconds: 3_600,
    grant: (claims) => {
      const own = OwnGrantSchema.safeParse(claims);
      if (!own.success) return null;
      const { sid = null, key_id: keyId = null, scopes, limits, allowed_models: allowedModels } = own.data;
      return {
        principal: { keyId, scopes, limits, ...(allowedModels && { allowedModels }) },
        sessionId: sid,
        restrictions: { allowedOrigins: own.data.allowed_origins, allowedIps: own.data.allowed_ips },
      };
    },
  };
}

/** Its service tokens, and users who never said who they are, are not for us. Roles in its metadata mean nothing. */
const SupabaseGrantSchema = z.object({
  session_id: z.optional(Id),
  role: z.literal('authenticated'),
  is_anonymous: z.optional(z.literal(false)),
});

const userScopes = scopes.filter((scope) => scope !== 'admin');

function supabase(projectUrl: string, secret: string | undefined, options: TokenIssuersOptions): TokenIssuer {
  const name = `${projectUrl.replace(/\/+$/, '')}/auth/v1`;
  const jwks = createJwks({
    url: `${name}/.well-known/jwks.json`,
    send: options.send,
    background: options.background,
    ...(options.now && { now: options.now }),
  });
  return {
    name,
    audience: 'authenticated',
    keys: { ES256: jwks, RS256: jwks, ...(secret !== undefined && { HS256: sharedSecret(secret) }) },
    maxLifetimeSeconds: 24 * 3_600,
    grant: (claims) => {
      const theirs = SupabaseGrantSchema.safeParse(claims);
      if (!theirs.success) return null;
      return {
        principal: { keyId: null, scopes: userScopes, limits: {} },
        sessionId: theirs.data.session_id ?? null,
        restrictions: { allowedOrigins: null, allowedIps: null },
      };
    },
  };
}
