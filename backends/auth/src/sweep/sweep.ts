import type { Logger } from '#shared/log.ts';

/** One kind of rows that nobody needs any more. */
export type SweepTask = {
  name: string;
  /** Removes at most so many, and tells how many it removed; none while another process does the same. */
  remove: (now: Date, limit: number) => Promise<number>;
};

export type SweepOptions = {
  tasks: readonly SweepTask[];
  log: Logger;
  everyMs: number;
  now?: () => Date;
  batchSize?: number;
};

export type RunningSweep = {
  /** Sweeps now; waits for a sweep that is under way instead. */
  run: () => Promise<void>;
  stop: () => Promise<void>;
};

/** Enough for a day's worth of anything, and an end for the night in which something goes wrong. */
const maxBatches = 100;

/**
 * Removes what is over, in batches that lock little and shortly. It is nobody's duty: whatever is missed is found the
 * next time, by this process or another.
 */
export function startSweep({
  tasks,
  log,
  everyMs,
  now = () => new Date(),
  batchSize = 500,
}: SweepOptions): RunningSweep {
  const stopping = new AbortController();
  let running: Promise<void> | undefined;

  const sweep = async ({ name, remove }: SweepTask): Promise<void> => {
    let count = 0;
    for (let batch = 0; batch < maxBatches && !stopping.signal.aborted; batch++) {
      const removed = await remove(now(), batchSize);
      count += removed;
      if (removed < batchSize) break;
    }
    if (count > 0) log.info('rows that were over are gone', { operation: name, count });
  };
  const work = async (): Promise<void> => {
    try {
      for (const task of tasks) await sweep(task);
    } catch (error) {
      log.warn('what is over could not be removed', { error });
    }
  };
  const run = async (): Promise<void> => {
    if (!stopping.signal.aborted) await (running ??= work().finally(() => (running = undefined)));
  };
  const timer = setInterval(() => void run(), everyMs);
  return {
    run,
    stop: async () => {
      stopping.abort();
      clearInterval(timer);
      await running;
    },
  };
}
