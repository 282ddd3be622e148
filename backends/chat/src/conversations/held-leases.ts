import type { Logger } from '#shared/log.ts';
import type { Lease } from './turn-store.ts';

export type HeldLeases = {
  add: (lease: Lease) => void;
  remove: (lease: Lease) => void;
  stop: () => Promise<void>;
};

export type HeldLeasesOptions = {
  renew: (leases: readonly Lease[]) => Promise<void>;
  log: Logger;
  maxTurnMs: number;
  everyMs: number;
};

/** How long a lease lasts without being renewed: what a conversation waits for when a process dies. */
export const standardLeaseSeconds = 20;
/** Several renewals may be missed before a lease is over. */
export const renewalsPerLease = 4;

/** Renews all leases of this process at once, and those that nobody gave back only until `maxTurnMs` are over. */
export function createHeldLeases({ renew, log, maxTurnMs, everyMs }: HeldLeasesOptions): HeldLeases {
  const held = new Map<string, { lease: Lease; until: number }>();
  let running: Promise<void> = Promise.resolve();

  const renewAll = async (): Promise<void> => {
    const now = performance.now();
    for (const [token, { until }] of held) if (until < now) held.delete(token);
    if (held.size === 0) return;
    await renew(Array.from(held.values(), ({ lease }) => lease)).catch((error: unknown) => {
      log.warn('could not renew the leases of conversations', { error });
    });
  };
  const timer = setInterval(() => {
    running = running.then(renewAll);
  }, everyMs);
  timer.unref();

  return {
    add: (lease) => void held.set(lease.token, { lease, until: performance.now() + maxTurnMs }),
    remove: ({ token }) => void held.delete(token),
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
