import * as z from 'zod/mini';
import { UserPrincipalSchema } from './principal.ts';

/**
 * What auth says of a hash that no usable key has, as the `detail` of its 404: by these words the gateway tells it from
 * the 404 of a wrong path or address. Versions differ for a while when they are deployed, so the words must stay.
 */
export const noUsableKey = 'No usable key has this hash';

/** From where a key may be used. Null: from anywhere. */
export const RestrictionsSchema = z.object({
  /** Exact origins of browsers, such as `https://game.example`. */
  allowedOrigins: z.nullable(z.array(z.string())),
  /** Addresses or CIDR ranges. */
  allowedIps: z.nullable(z.array(z.string())),
});

/** What the auth backend tells the gateway about a known, usable key: all that the edge needs, in one answer. */
export const ResolvedKeySchema = z.object({
  principal: UserPrincipalSchema,
  restrictions: RestrictionsSchema,
  /** ISO time after which no cache may answer for this key any more; null: it does not expire. */
  expiresAt: z.nullable(z.iso.datetime({ offset: true })),
});

export type Restrictions = z.infer<typeof RestrictionsSchema>;
export type ResolvedKey = z.infer<typeof ResolvedKeySchema>;
