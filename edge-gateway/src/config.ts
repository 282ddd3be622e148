import * as z from 'zod/mini';
import { parseConfig } from '#shared/config.ts';
import { logLevels } from '#shared/log.ts';

const ServiceUrl = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' });

const PrivateKey = z.pipe(
  z.string(),
  z.transform((text, context) => {
    const key = z.safeParse(
      z.looseObject({ kty: z.literal('OKP'), crv: z.literal('Ed25519'), d: z.string(), kid: z.string() }),
      parseJson(text),
    );
    if (key.success) return key.data;
    context.issues.push({ code: 'custom', input: undefined, message: 'must be a private Ed25519 JWK with a kid' });
    return z.NEVER;
  }),
);

/** Exported so that a test can compare it with what wrangler.toml, workerd.capnp and compose say. */
export const ConfigSchema = z.object({
  ENVIRONMENT: z.enum(['local', 'dev', 'staging', 'production']),
  LOG_LEVEL: z._default(z.enum(logLevels), 'info'),
  GIT_COMMIT: z._default(z.string(), 'development'),
  /** Exact origins, comma-separated. Browsers elsewhere get no CORS headers. */
  ALLOWED_ORIGINS: z.pipe(
    z._default(z.string(), ''),
    z.transform((text) =>
      text
        .split(',')
        .map((origin) => origin.trim())
        .filter(Boolean),
    ),
  ),
  AUTH_SERVICE_URL: ServiceUrl,
  ASSET_SERVICE_URL: ServiceUrl,
  CHAT_SERVICE_URL: ServiceUrl,
  /** How long an upstream may take until its first byte; a model may think for minutes. */
  UPSTREAM_FIRST_BYTE_SECONDS: z._default(z.coerce.number().check(z.positive()), 300),
  GATEWAY_SIGNING_KEY: PrivateKey,
});

export type Config = z.infer<typeof ConfigSchema>;

/** Parses the bindings once per isolate. Throws ConfigError naming the bad variables. */
export function readConfig(bindings: Record<string, unknown>): Config {
  return parseConfig(ConfigSchema, bindings);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
