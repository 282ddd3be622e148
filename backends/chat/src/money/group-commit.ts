import { AppError } from '#shared/http/error.ts';

export type GroupCommit<Item, Result> = {
  /** The item's own result of the batch in which it ran. Rejects with `unavailable` where too many wait. */
  submit: (item: Item) => Promise<Result>;
  /** How many were submitted and have no result yet. */
  pending: () => number;
  /** From now on batches follow each other without a pause. */
  hurry: () => void;
  /** Resolves when nothing waits any more. */
  idle: () => Promise<void>;
};

export type GroupCommitOptions<Item, Result> = {
  /** Gives one result for each item, in their order. */
  run: (items: readonly Item[]) => Promise<readonly Result[]>;
  maxBatch: number;
  maxPending?: number;
  pace?: Pace<Item>;
};

/** Where nobody waits for most items: so long after a batch the next begins, unless it is full or has an urgent one. */
type Pace<Item> = { pauseMs: number; isUrgent: (item: Item) => boolean };

type Waiting<Item, Result> = {
  item: Item;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
};

/**
 * Runs what is submitted in batches, one batch at a time: whatever came while one ran is the next. Batches grow under
 * load by themselves, and a lone item waits for nothing. Where a batch fails for another reason than that the database
 * is away, each of its items runs alone, so that a bad one harms no other.
 */
export function createGroupCommit<Item, Result>(options: GroupCommitOptions<Item, Result>): GroupCommit<Item, Result> {
  const { run, maxBatch, maxPending = Infinity } = options;
  let { pace } = options;
  let waiting: Waiting<Item, Result>[] = [];
  let pending = 0;
  let isScheduled = false;
  const idlers: (() => void)[] = [];
  let pause: Pause | undefined;

  const isDue = (news: readonly Waiting<Item, Result>[]): boolean =>
    !pace || waiting.length >= maxBatch || news.some(({ item }) => pace?.isUrgent(item));
  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, maxBatch);
      waiting = waiting.slice(maxBatch);
      await runBatch(run, batch);
      pending -= batch.length;
      if (!pace || isDue(waiting)) continue;
      pause = startPause(pace.pauseMs);
      await pause.over;
      pause = undefined;
    }
    isScheduled = false;
    for (const resolve of idlers.splice(0)) resolve();
  };
  return {
    pending: () => pending,
    submit: async (item) => {
      if (pending >= maxPending) throw new AppError('unavailable', 'Too many calls wait for the database');
      pending += 1;
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      const news = { item, resolve, reject };
      waiting.push(news);
      if (!isScheduled) {
        isScheduled = true;
        // After whatever else this turn of the event loop brings, which costs no time and makes batches out of bursts.
        setImmediate(() => void work());
      } else if (pause && isDue([news])) pause.end();
      return await promise;
    },
    hurry: () => {
      pace = undefined;
      pause?.end();
    },
    idle: async () => {
      if (isScheduled) await new Promise<void>((resolve) => void idlers.push(resolve));
    },
  };
}

type Pause = { over: Promise<void>; end: () => void };

function startPause(ms: number): Pause {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const end = (): void => {
    clearTimeout(timer);
    resolve();
  };
  return { over: promise, end };
}

async function runBatch<Item, Result>(
  run: GroupCommitOptions<Item, Result>['run'],
  batch: readonly Waiting<Item, Result>[],
): Promise<void> {
  try {
    const results = await run(batch.map(({ item }) => item));
    for (const [place, { resolve, reject }] of batch.entries()) {
      const result = results[place];
      if (result === undefined) reject(new Error('a batch gave fewer results than it had items'));
      else resolve(result);
    }
  } catch (error) {
    if (batch.length === 1 || isAway(error)) for (const { reject } of batch) reject(error);
    else for (const one of batch) await runBatch(run, [one]);
  }
}

export function isAway(error: unknown): boolean {
  return error instanceof AppError && error.code === 'unavailable';
}
