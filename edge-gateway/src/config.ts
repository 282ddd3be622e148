import * as z from 'zod/mini';
import { parseConfig } from '#shared/config.ts';
import { logLevels } from '#shared/log.ts';

const ServiceUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });

/** Only the origin is used, so whatever else a URL may have would be dropped without a word. */
const BackendUrl = ServiceUrl.check(
  z.refine(isOrigin, { error: 'must be an origin: no path, no query, no credentials' }),
);

/** 32 bytes in base64url, as an Ed25519 key has them. */
const KeyBytes = z.string().check(z.regex(/^[\w-]{43}$/));

const PrivateKey = z.pipe(
  z.string(),
  z.transform((text, context) => {
    const key = z.safeParse(
      z.looseObject({
        kty: z.literal('OKP'),
        crv: z.literal('Ed25519'),
        x: KeyBytes,
        d: KeyBytes,
        kid: z.string().check(z.minLength(1)),
      }),
      parseJson(text),
    );
    if (key.success) return key.data;
    context.issues.push({ code: 'custom', input: undefined, message: 'must be a private Ed25519 JWK with a kid' });
    return z.NEVER;
  }),
);

/** Exact origins, comma-separated. Browsers elsewhere get no CORS headers. A wildcard next to credentials is refused. */
const Origins = z.pipe(
  z._default(z.string(), ''),
  z.transform((text, context) => {
    const origins = text
      .split(',')
      .map((origin) => origin.trim())
      .filter(Boolean);
    if (origins.every(isExactOrigin)) return origins;
    context.issues.push({
      code: 'custom',
      input: undefined,
      message: 'must be exact origins, such as https://app.example',
    });
    return z.NEVER;
  }),
);

const keyStores = ['auth-http', 'neon-http'] as const;

/** Exported so that a test can compare it with what wrangler.toml, workerd.capnp and compose say. */
export const ConfigSchema = z
  .object({
    ENVIRONMENT: z.enum(['local', 'dev', 'staging', 'production']),
    LOG_LEVEL: z._default(z.enum(logLevels), 'info'),
    GIT_COMMIT: z._default(z.string(), 'development'),
    ALLOWED_ORIGINS: Origins,
    AUTH_SERVICE_URL: BackendUrl,
    ASSET_SERVICE_URL: BackendUrl,
    CHAT_SERVICE_URL: BackendUrl,
    /** How long an upstream may take until its first byte; a model may think for minutes. */
    UPSTREAM_FIRST_BYTE_SECONDS: z._default(z.coerce.number().check(z.positive()), 300),
    /** Whose word on the client's address counts; without it, the peer of the connection. See limits/client-address.ts. */
    TRUSTED_ADDRESS_HEADER: z.optional(z.string().check(z.regex(/^[\w-]+$/, 'must be the name of a header'))),
    /** Requests in ten seconds beyond which one address or one key is a flood. */
    ADDRESS_FLOOD_LIMIT: z._default(z.coerce.number().check(z.int(), z.positive()), 5_000),
    KEY_FLOOD_LIMIT: z._default(z.coerce.number().check(z.int(), z.positive()), 20_000),
    GATEWAY_SIGNING_KEY: PrivateKey,
    /** Where keys are looked up, and where else when that is away. */
    KEY_STORE: z._default(z.enum(keyStores), 'auth-http'),
    KEY_STORE_FALLBACK: z.optional(z.enum(keyStores)),
    /** For `neon-http`. A primary: a replica that lags would bring revoked keys back. */
    DATABASE_URL: z.optional(z.url({ protocol: /^postgres(?:ql)?$/, error: 'must be a postgres URL' })),
    NEON_HTTP_ENDPOINT: z.optional(ServiceUrl),
    /** How long known callers are served while nobody can say what was revoked. */
    REVOCATION_GRACE_SECONDS: z._default(z.coerce.number().check(z.minimum(0), z.maximum(3_600)), 30),
    /** A Supabase project whose users' tokens are taken, by its published keys and, where it still has one, its secret. */
    SUPABASE_URL: z.optional(ServiceUrl),
    SUPABASE_JWT_SECRET: z.optional(z.string().check(z.minLength(32, 'must have at least 32 characters'))),
  })
  .check(
    z.refine(
      ({ KEY_STORE, KEY_STORE_FALLBACK, DATABASE_URL }) =>
        DATABASE_URL !== undefined || ![KEY_STORE, KEY_STORE_FALLBACK].includes('neon-http'),
      { path: ['DATABASE_URL'], error: 'is needed by neon-http' },
    ),
  );

export type Config = z.infer<typeof ConfigSchema>;

/** Parses the bindings once per isolate. Throws ConfigError naming the bad variables. */
export function readConfig(bindings: Record<string, unknown>): Config {
  return parseConfig(ConfigSchema, bindings);
}

function isOrigin(text: string): boolean {
  if (!URL.canParse(text)) return true; // Said already.
  const { origin, href } = new URL(text);
  return href === `${origin}/`;
}

function isExactOrigin(text: string): boolean {
  return !text.includes('*') && URL.canParse(text) && new URL(text).origin === text;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
