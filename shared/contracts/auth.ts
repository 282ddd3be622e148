import { z } from '@hono/zod-openapi';
import { scopes } from '../identity/principal.ts';
import { contract, noQuery } from './contract.ts';

const LimitsSchema = z.object({
  rpm: z.int().optional(),
  tpm: z.int().optional(),
  concurrency: z.int().optional(),
});

/** Only the gateway itself may ask, and only by hash: the key's text never leaves the edge. */
export const resolveKey = contract({
  ...noQuery,
  operation: 'resolveKey',
  service: 'auth',
  method: 'post',
  paths: ['/internal/keys/resolve'],
  access: 'internal',
  tag: 'Internal',
  summary: 'Who a key belongs to, by its SHA-256',
  body: { schema: z.strictObject({ key_hash: z.string().regex(/^[0-9a-f]{64}$/) }), maxBytes: 1_024 },
  answers: {
    200: {
      description: 'A usable key',
      schema: z.object({
        principal: z.object({
          kind: z.literal('user'),
          userId: z.uuid(),
          keyId: z.uuid(),
          scopes: z.array(z.enum(scopes)),
          limits: LimitsSchema,
        }),
        restrictions: z.object({
          allowedOrigins: z.array(z.string()).nullable(),
          allowedIps: z.array(z.string()).nullable(),
        }),
        expiresAt: z.iso.datetime({ offset: true }).nullable(),
      }),
    },
    404: { description: 'No usable key has this hash' },
  },
});
