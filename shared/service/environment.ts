import * as z from 'zod';
import { logLevels } from '../log.ts';

const JwksSchema = z.object({ keys: z.array(z.record(z.string(), z.unknown())).min(1) });

/** Variables that every backend has; each adds its own in its `config.ts`. */
export const serviceEnvironment = {
  ENVIRONMENT: z.enum(['local', 'dev', 'staging', 'production']),
  HOST: z.string().default('0.0.0.0'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(8000),
  LOG_LEVEL: z.enum(logLevels).default('info'),
  GIT_COMMIT: z.string().default('development'),
  DRAIN_SECONDS: z.coerce.number().min(0).max(300).default(50),
  DATABASE_URL: z.string().regex(/^postgres(?:ql)?:\/\//, 'must start with postgres:// or postgresql://'),
  DATABASE_POOL_SIZE: z.coerce.number().int().min(1).max(200).default(10),
  /** `disabled` is a value of its own; a server that is away is only `unavailable`. */
  NATS_URL: z
    .union([z.literal('disabled'), z.string().regex(/^wss?:\/\//, 'must be disabled or start with ws:// or wss://')])
    .default('disabled'),
  /** Keeps developers who share one server apart. */
  NATS_SUBJECT_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9_-]*$/, 'may have letters, digits, - and _')
    .default(''),
  /** The gateway's public Ed25519 keys as a JWKS document: backends trust nothing else. */
  GATEWAY_PUBLIC_KEYS: z.string().transform((text, context) => {
    try {
      return JwksSchema.parse(JSON.parse(text));
    } catch {
      context.addIssue({ code: 'custom', message: 'must be a JWKS document with at least one key' });
      return z.NEVER;
    }
  }),
} as const;
