import { z } from '@hono/zod-openapi';
import { scopes } from '../identity/principal.ts';
import { contract, noBody, noQuery } from './contract.ts';
import { AllowedIpsSchema, AllowedModelsSchema, AllowedOriginsSchema } from './key-restrictions.ts';
import { IdSchema, NextSchema, pageQuery } from './lists.ts';

const common = { service: 'auth', tag: 'Keys', access: 'keys:write' } as const;
const maxBytes = 64 * 1_024;

const NameSchema = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^\P{Cc}*$/u, 'may hold no control characters');
const ScopesSchema = z.array(z.enum(scopes)).max(scopes.length);
const ExpirySchema = z.iso.datetime({ offset: true });
/** With its offset, a time of the year 9999 may lie in the one after it, which has no such form in UTC. */
const NewExpirySchema = ExpirySchema.refine(
  (time) => Date.parse(time) < Date.UTC(10_000, 0),
  'must be before the year 10000 in UTC',
);
const CountSchema = z.int().min(1).max(1_000_000_000);

const BudgetSchema = z.strictObject({
  usd: z.number().positive().max(1_000_000).multipleOf(0.000001),
  window: z.enum(['day', 'month', 'total']),
});

export const KeyLimitsSchema = z.strictObject({
  rpm: CountSchema.optional(),
  tpm: CountSchema.optional(),
  concurrency: CountSchema.optional(),
  budget: BudgetSchema.optional(),
});

export type KeyLimits = z.infer<typeof KeyLimitsSchema>;

const CreateKeySchema = z.strictObject({
  name: NameSchema,
  scopes: ScopesSchema.optional(),
  expires_at: NewExpirySchema.nullable().optional(),
  limits: KeyLimitsSchema.optional(),
  allowed_models: AllowedModelsSchema.nullable().optional(),
  allowed_origins: AllowedOriginsSchema.nullable().optional(),
  allowed_ips: AllowedIpsSchema.nullable().optional(),
});

const ChangeKeySchema = z
  .strictObject({
    name: NameSchema.optional(),
    scopes: ScopesSchema.optional(),
    expires_at: NewExpirySchema.nullable().optional(),
    limits: z
      .strictObject({
        rpm: CountSchema.nullable().optional(),
        tpm: CountSchema.nullable().optional(),
        concurrency: CountSchema.nullable().optional(),
        budget: BudgetSchema.nullable().optional(),
      })
      .nullable()
      .optional(),
    allowed_models: AllowedModelsSchema.nullable().optional(),
    allowed_origins: AllowedOriginsSchema.nullable().optional(),
    allowed_ips: AllowedIpsSchema.nullable().optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'must change something');

export type CreateKeyBody = z.infer<typeof CreateKeySchema>;
export type ChangeKeyBody = z.infer<typeof ChangeKeySchema>;

const StringsSchema = z.array(z.string()).nullable();

const KeySchema = z
  .object({
    id: IdSchema,
    name: z.string().nullable(),
    prefix: z.string().nullable().describe('The start of the key. Null in keys imported from an older system.'),
    last_four: z.string().nullable(),
    environment: z.enum(['live', 'test', 'dev']).nullable(),
    scopes: z.array(z.enum(scopes)),
    limits: KeyLimitsSchema,
    allowed_models: StringsSchema,
    allowed_origins: StringsSchema,
    allowed_ips: StringsSchema,
    is_active: z.boolean(),
    expires_at: ExpirySchema.nullable(),
    last_used_at: ExpirySchema.nullable(),
    created_at: ExpirySchema,
    updated_at: ExpirySchema,
    rotated_at: ExpirySchema.nullable(),
    previous_key_expires_at: ExpirySchema.nullable().describe('Until when the secret before the last rotation works'),
    created_by_key_id: IdSchema.nullable(),
  })
  .openapi('Key');

const ShownKeySchema = KeySchema.extend({
  key: z.string().describe('The key itself. It is shown here and never again.'),
}).openapi('ShownKey');

export type KeyAnswer = z.infer<typeof KeySchema>;

export const listKeys = contract({
  ...common,
  ...noBody,
  ...pageQuery,
  operation: 'listKeys',
  method: 'get',
  paths: ['/api/v1/keys'],
  summary: 'Your keys that were not revoked, newest first',
  answers: { 200: { description: 'A page', schema: z.object({ keys: z.array(KeySchema), next: NextSchema }) } },
});

export const createKey = contract({
  ...common,
  ...noQuery,
  operation: 'createKey',
  method: 'post',
  paths: ['/api/v1/keys'],
  summary: 'Make a key',
  description:
    'It may do at most what the credential that makes it may do: what is not said is taken over from that credential ' +
    '(without `admin` and `keys:write`, which must be asked for), and more than that is refused.',
  body: { schema: CreateKeySchema, maxBytes },
  answers: { 201: { description: 'The key, shown once', schema: ShownKeySchema } },
});

export const getKey = contract({
  ...common,
  ...noBody,
  ...noQuery,
  operation: 'getKey',
  method: 'get',
  paths: ['/api/v1/keys/{id}'],
  summary: 'One of your keys',
  answers: { 200: { description: 'The key', schema: KeySchema } },
});

export const changeKey = contract({
  ...common,
  ...noQuery,
  operation: 'changeKey',
  method: 'patch',
  paths: ['/api/v1/keys/{id}'],
  summary: 'Change a key',
  description:
    'What is not said stays; null removes. `limits` is merged, a list is replaced. Counters go on counting. The key ' +
    'may afterwards do at most what the credential that changes it may do.',
  body: { schema: ChangeKeySchema, maxBytes },
  answers: { 200: { description: 'The key as it is now', schema: KeySchema } },
});

export const revokeKey = contract({
  ...common,
  ...noBody,
  ...noQuery,
  operation: 'revokeKey',
  method: 'delete',
  paths: ['/api/v1/keys/{id}'],
  summary: 'Revoke a key: refused everywhere within five seconds, with the tokens made from it',
  answers: { 204: { description: 'Revoked, now or before' } },
});

export const rotateKey = contract({
  ...common,
  ...noQuery,
  operation: 'rotateKey',
  method: 'post',
  paths: ['/api/v1/keys/{id}/rotate'],
  summary: 'Give a key a new secret',
  description:
    'The id, limits and counters stay. The secret before works for `grace_seconds` more. A key that was rotated in the ' +
    'last ten seconds, or whose earlier secret is still in its grace, is a conflict.',
  body: { schema: z.strictObject({ grace_seconds: z.int().min(0).max(604_800).default(0) }), maxBytes, optional: true },
  answers: {
    200: { description: 'The key with its new secret, shown once', schema: ShownKeySchema },
    409: { description: 'It is being rotated already' },
  },
});

const ExchangeKeySchema = z.strictObject({
  scopes: ScopesSchema.optional(),
  ttl_seconds: z.int().min(60).max(3_600).default(900),
});

export type ExchangeKeyBody = z.infer<typeof ExchangeKeySchema>;

export const exchangeKey = contract({
  ...common,
  ...noQuery,
  operation: 'exchangeKey',
  method: 'post',
  paths: ['/api/v1/auth/token'],
  access: 'authenticated',
  summary: 'Exchange the key that this is called with for a short-lived token, to give to a game or a browser',
  description:
    'The token has at most the scopes of the key, never `admin` or `keys:write`, and its models, origins and addresses. ' +
    'It shares the limits and the budget of the key and ends when the key is changed, rotated or revoked. It cannot be ' +
    'exchanged again.',
  body: { schema: ExchangeKeySchema, maxBytes, optional: true },
  answers: {
    200: {
      description: 'The token',
      schema: z.object({
        access_token: z.string(),
        token_type: z.literal('bearer'),
        expires_in: z.int(),
        scopes: z.array(z.enum(scopes)),
      }),
    },
    409: { description: 'The lists of the key are too long for a token' },
  },
});
