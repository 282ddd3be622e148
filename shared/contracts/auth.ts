import { z } from '@hono/zod-openapi';
import { scopes } from '../identity/principal.ts';
import { revocationKinds } from '../identity/revocation-feed.ts';
import { contract, noBody, noQuery } from './contract.ts';

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
          allowedModels: z.array(z.string()).nullable().optional(),
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

/** Every isolate of the gateway asks this every few seconds, so it is answered from memory. */
export const getRevocations = contract({
  ...noBody,
  operation: 'getRevocations',
  service: 'auth',
  method: 'get',
  paths: ['/internal/revocations'],
  access: 'internal',
  tag: 'Internal',
  summary: 'What was revoked after a position of the feed',
  query: z.object({ after: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional() }),
  answers: {
    200: {
      description: 'What came after it; all of the window where that cannot be told (`reset`)',
      schema: z.object({
        position: z.int(),
        reset: z.boolean(),
        completeSince: z.int(),
        ageMs: z.number(),
        revocations: z.array(z.object({ kind: z.enum(revocationKinds), id: z.string(), at: z.int() })),
      }),
    },
    503: { description: 'The database could not be asked lately' },
  },
});
