import type { ReturnedMinute } from './metering-store.ts';

export type LeaseReturns = {
  /** What was leased of a minute and is not needed. */
  add: (returned: ReturnedMinute) => void;
  /** Sends what was added. */
  flush: () => void;
  close: () => Promise<void>;
};

/** Gives back in batches. What cannot be given back now never is: it is over with its minute. */
export function createLeaseReturns(giveBack: (returned: readonly ReturnedMinute[]) => Promise<void>): LeaseReturns {
  const running = new Set<Promise<void>>();
  let waiting: ReturnedMinute[] = [];
  const flush = (): void => {
    if (waiting.length === 0) return;
    const done = giveBack(waiting)
      .catch(() => undefined)
      .finally(() => running.delete(done));
    running.add(done);
    waiting = [];
  };
  return {
    add: (returned) => {
      const { requests, tokens } = returned;
      if (requests > 0 || tokens > 0)
        waiting.push({ ...returned, requests: Math.max(requests, 0), tokens: Math.max(tokens, 0) });
    },
    flush,
    close: async () => {
      flush();
      await Promise.all(running);
    },
  };
}
