import * as z from 'zod/mini';
import { PrincipalSchema } from './principal.ts';

/** What the auth backend tells the gateway about a known, usable key. */
export const ResolvedKeySchema = z.object({
  principal: PrincipalSchema,
  /** ISO time after which no cache may answer for this key any more; null: it does not expire. */
  expiresAt: z.nullable(z.iso.datetime({ offset: true })),
});

export type ResolvedKey = z.infer<typeof ResolvedKeySchema>;
