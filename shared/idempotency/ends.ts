import type { Notices } from '../db/notices.ts';
import type { IdempotencyStore, Standing } from './idempotency-store.ts';
import type { Slot } from './idempotent-request.ts';

export type Ends = {
  /** What became of a slot once nobody alive runs its request. Rejects with the signal's reason. */
  of: (slot: Slot, signal: AbortSignal) => Promise<Standing>;
  stop: () => Promise<void>;
};

export type EndsOptions = { store: Pick<IdempotencyStore, 'find' | 'awaitEnd'>; notices: Notices; pollMs: number };

type Watch = { standing: Promise<Standing>; waiting: number; wake: () => void };

/**
 * Lets any number of duplicates wait for the same request with one look now and then between them, sooner when a
 * notice comes. The connection that listens is opened when somebody waits for the first time.
 */
export function createEnds({ store, notices, pollMs }: EndsOptions): Ends {
  const watches = new Map<string, Watch>();
  let listening: { stop: () => Promise<void> } | undefined;

  const onNotice = (id: string | null): void => {
    if (id !== null) return watches.get(id)?.wake();
    for (const { wake } of watches.values()) wake();
    return undefined;
  };
  const watch = (slot: Slot): Watch => {
    let turn = Promise.withResolvers<void>();
    const wake = (): void => {
      turn.resolve();
      turn = Promise.withResolvers();
    };
    const look = async (): Promise<Standing> => {
      await store.awaitEnd(slot);
      for (;;) {
        const woken = turn.promise; // Taken before looking: a notice in between is not missed.
        const standing = await store.find(slot);
        if (standing.kind !== 'running' || standing.isAbandoned || begun.waiting === 0) return standing;
        await wokenWithin(woken, pollMs);
      }
    };
    const begun: Watch = { waiting: 0, wake, standing: look().finally(() => watches.delete(slot.id)) };
    begun.standing.catch(() => undefined); // Whoever waits hears of it; those who left need not.
    watches.set(slot.id, begun);
    return begun;
  };
  return {
    of: async (slot, signal) => {
      listening ??= notices.listen(onNotice);
      const joined = watches.get(slot.id) ?? watch(slot);
      joined.waiting += 1;
      try {
        return await unlessAborted(joined.standing, signal);
      } finally {
        joined.waiting -= 1;
        if (joined.waiting === 0) joined.wake();
      }
    },
    stop: async () => await listening?.stop(),
  };
}

async function wokenWithin(woken: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const expired = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms);
  });
  await Promise.race([woken, expired]);
  clearTimeout(timer);
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
