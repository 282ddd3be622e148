import { AppError } from '#shared/http/error.ts';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';

/** Where the gateway asks who a key belongs to. All implementations pass one contract test. */
export type KeyStore = {
  /**
   * Null: there is no usable key of this hash. Rejects with `unavailable` when that cannot be known right now:
   * trouble of ours must never look like a bad key. Ends within `lookUpMs`, and tells what is true while it runs:
   * a replica that lags behind the feed of revocations would bring a revoked key back.
   */
  find: (keyHash: string) => Promise<ResolvedKey | null>;
};

/** How long one store may take. Two in a row stay near the bound for revocations. */
export const lookUpMs = 2_500;

/** What a store rejects with. The cause is for our log only. */
export function cannotTell(cause: unknown): AppError {
  return new AppError('unavailable', 'Credentials cannot be checked right now', { cause });
}
