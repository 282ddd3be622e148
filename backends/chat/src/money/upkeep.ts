import type { Logger } from '#shared/log.ts';

export type UpkeepWork = {
  /** Releases what calls of dead processes hold, and gives their number. */
  sweep: () => Promise<number>;
  /** Makes partitions ahead, drops those that are too old, and removes rows that nothing reads any more. */
  tidy: () => Promise<void>;
};

export type UpkeepOptions = UpkeepWork & { log: Logger; sweepMs?: number; tidyMs?: number };

export type Upkeep = {
  /** Does now what is due; resolves when it is done or failed. */
  run: () => Promise<void>;
  stop: () => Promise<void>;
};

const dayMs = 86_400_000;

/**
 * Sweeps at start and every 15 seconds, and tidies at start and once a day; what failed is due again the next time. All
 * processes do this, and whatever one of them is at, the others leave alone.
 */
export function startUpkeep(options: UpkeepOptions): Upkeep {
  const { sweep, tidy, log, sweepMs = 15_000, tidyMs = dayMs } = options;
  let tidiedAt = -Infinity;
  let running: Promise<void> | undefined;

  const work = async (): Promise<void> => {
    const lost = await sweep();
    if (lost > 0) log.warn('calls were lost: their process died before they were over', { count: lost });
    const startedAt = performance.now();
    if (startedAt - tidiedAt < tidyMs) return;
    await tidy();
    tidiedAt = startedAt;
  };
  const run = async (): Promise<void> => {
    running ??= work()
      .catch((error: unknown) => log.warn('the upkeep of usage records failed', { error }))
      .finally(() => (running = undefined));
    await running;
  };
  const timer = setInterval(() => void run(), sweepMs).unref();
  void run();
  return {
    run,
    stop: async () => {
      clearInterval(timer);
      await running;
    },
  };
}
