import * as z from 'zod/mini';

/** Facts that the feed's server (auth) and its readers (the edge) must agree on. */
export const revocationRules = {
  /**
   * Revocations are kept this long by both. Must exceed the longest life of a session's token and of anything cached:
   * what was issued before the window is refused, because nobody remembers whether it was revoked.
   */
  windowSeconds: 25 * 3_600,
} as const;

export const revocationKinds = ['key', 'session', 'user'] as const;

/** What the auth backend answers to "what was revoked after this position?". */
export const RevocationFeedSchema = z.object({
  /** Ask for what comes after this next time. */
  position: z.int(),
  /**
   * True: forget everything, keys that were looked up included; `revocations` has the whole window. Otherwise it has
   * what came after the position asked for.
   */
  reset: z.boolean(),
  /** Seconds since 1970. All revocations since then are known; what was issued earlier cannot be vouched for. */
  completeSince: z.int(),
  /** How long ago this was the truth in the database. */
  ageMs: z.number(),
  revocations: z.array(
    z.object({
      kind: z.enum(revocationKinds),
      id: z.string(),
      /** Seconds since 1970. */
      at: z.int(),
    }),
  ),
});

export type RevocationFeed = z.infer<typeof RevocationFeedSchema>;
export type Revocation = RevocationFeed['revocations'][number];
