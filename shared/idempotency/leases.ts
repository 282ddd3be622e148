import type { Logger } from '../log.ts';
import type { IdempotencyStore, Lease } from './idempotency-store.ts';

export type Leases = {
  /** Keeps a lease alive. The signal aborts when somebody else has taken over. */
  hold: (lease: Lease) => AbortSignal;
  drop: (lease: Lease) => void;
  stop: () => void;
};

export type LeasesOptions = {
  store: Pick<IdempotencyStore, 'renew'>;
  log: Logger;
  heartbeatMs: number;
  /** What is still held after this long was forgotten by a bug of ours, and is let go. */
  maxHeldMs: number;
};

type Held = { lease: Lease; lost: AbortController; since: number };

/** One heartbeat for all leases of a process. */
export function createLeases({ store, log, heartbeatMs, maxHeldMs }: LeasesOptions): Leases {
  const held = new Map<string, Held>();
  let isBeating = false;

  const beat = async (): Promise<void> => {
    const before = performance.now() - maxHeldMs;
    for (const { lease, lost, since } of held.values()) if (since < before) lose(lease, lost);
    const asked = [...held.values()];
    if (asked.length === 0) return;
    const alive = await store.renew(asked.map(({ lease }) => lease));
    for (const { lease, lost } of asked) {
      if (!alive.has(lease.owner) && held.has(lease.owner)) lose(lease, lost);
    }
  };
  const lose = (lease: Lease, lost: AbortController): void => {
    held.delete(lease.owner);
    log.warn('lost the lease of an idempotent request', { user_id: lease.userId });
    lost.abort();
  };
  const timer = setInterval(() => {
    if (isBeating) return;
    isBeating = true;
    beat()
      .catch((error: unknown) => log.warn('cannot renew the leases of idempotent requests', { error }))
      .finally(() => (isBeating = false));
  }, heartbeatMs).unref();
  return {
    hold: (lease) => {
      const lost = new AbortController();
      held.set(lease.owner, { lease, lost, since: performance.now() });
      return lost.signal;
    },
    drop: ({ owner }) => void held.delete(owner),
    stop: () => clearInterval(timer),
  };
}
