import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#shared/log.ts';
import { createGroupCommit, isAway } from './group-commit.ts';
import type { MeteringStore, UsageEvent } from './metering-store.ts';

export type CallRecorder = {
  /** Resolves when it is committed. Never rejects: what can never be written is logged as an error of ours. */
  record: (event: UsageEvent, options: { isAwaited: boolean }) => Promise<void>;
  /** So many events wait for the database that nothing new may begin. */
  isFull: () => boolean;
  /** Waits until all is written, but no longer than `withinMs`. */
  close: (withinMs: number) => Promise<void>;
};

export type CallRecorderOptions = {
  record: MeteringStore['record'];
  log: Logger;
  maxWaiting?: number;
  maxBatch?: number;
  /** Between two batches while calls end all the time. A call that its caller may have to wait for is not held up. */
  pauseMs?: number;
  retryMs?: { first: number; most: number };
};

type Ended = { event: UsageEvent; isAwaited: boolean };

/** Writes calls that are over in batches. While the database is away they wait in memory and are tried again. */
export function createCallRecorder(options: CallRecorderOptions): CallRecorder {
  const { log, maxWaiting = 10_000, maxBatch = 100, pauseMs = 20, retryMs = { first: 50, most: 2_000 } } = options;
  const stopping = new AbortController();

  const persist = async (events: readonly UsageEvent[], delayMs = retryMs.first): Promise<readonly true[]> => {
    try {
      await options.record(events);
      return events.map(() => true);
    } catch (error) {
      if (!isAway(error) || stopping.signal.aborted) throw error;
      if (delayMs === retryMs.first) log.warn('calls cannot be recorded now', { error, count: events.length });
    }
    await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    return await persist(events, Math.min(delayMs * 2, retryMs.most));
  };
  const group = createGroupCommit({
    run: async (items: readonly Ended[]) => await persist(items.map(({ event }) => event)),
    maxBatch,
    pace: { pauseMs, isUrgent: ({ isAwaited }) => isAwaited },
  });

  return {
    isFull: () => group.pending() >= maxWaiting,
    record: async (event, { isAwaited }) => {
      try {
        await group.submit({ event, isAwaited });
      } catch (error) {
        log.error('a call was never recorded', { error, user_id: event.userId, request_id: event.requestId });
      }
    },
    close: async (withinMs) => {
      group.hurry();
      const timer = setTimeout(() => stopping.abort(), withinMs);
      await group.idle();
      clearTimeout(timer);
    },
  };
}
