import type { ResolvedKey } from '#shared/identity/resolved-key.ts';

/** Where the gateway asks who a key belongs to. All implementations pass one contract test. */
export type KeyStore = {
  /**
   * Null: there is no usable key of this hash. Rejects with `unavailable` when that cannot be known right now:
   * trouble of ours must never look like a bad key.
   */
  find: (keyHash: string) => Promise<ResolvedKey | null>;
};
