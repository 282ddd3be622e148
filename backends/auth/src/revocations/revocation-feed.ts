import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#shared/http/error.ts';
import { revocationRules, type RevocationFeed } from '#shared/identity/revocation-feed.ts';
import type { Logger } from '#shared/log.ts';
import { createRevocationLog, type StoredRevocation } from './revocation-log.ts';
import { createStandingRevocations, noStanding } from './standing-revocations.ts';

/**
 * Positions grow with the numbers of the rows, and have a mark of what the row says: the same number in a database that
 * was restored and has gone on since is another position.
 */
export type RevocationReader = {
  /** The position of the last row, and whether the row of one that is known is still the same. */
  newest: (known: number) => Promise<{ newest: number; isSame: boolean }>;
  /** The last `limit` at most, in order: those after a position, and not older than so many seconds since 1970. */
  read: (range: { after: number; since: number; limit: number }) => Promise<StoredRevocation[]>;
};

/** Calls back when there may be more to read. Hints may be lost. */
export type RevocationNotices = { listen: (onNotice: () => void) => { stop: () => Promise<void> } };

export type RevocationFeedOptions = {
  reader: RevocationReader;
  notices: RevocationNotices;
  log: Logger;
  /** The latest of those who are disabled; set where somebody else, whom we cannot stop, goes on giving them tokens. */
  disabledUsers?: (limit: number) => Promise<string[]>;
  now?: () => number;
  /** Milliseconds since some moment, by a clock that nobody sets. */
  elapsed?: () => number;
  pollMs?: number;
  maxEntries?: number;
  maxStanding?: number;
};

export type RunningRevocationFeed = {
  /**
   * What is older than two seconds, or not there yet just after the start, is looked up first. Rejects with
   * `unavailable` when that fails or takes longer than a second: stale is worse than nothing.
   */
  after: (shown: number | null) => Promise<RevocationFeed>;
  stop: () => Promise<void>;
};

const maxAgeMs = 2_000;
/** Half of what the gateway waits for us: when the database hangs, it shall hear that from us. */
const maxWaitMs = 1_000;
/** About 700 kB every ten seconds for each reader. Whoever has more of them bans them at Supabase as well. */
const mostStanding = 10_000;
const { windowSeconds } = revocationRules;

/** Keeps the feed in memory: woken by notices, and looking once a second whether or not one came. */
export function startRevocationFeed(options: RevocationFeedOptions): RunningRevocationFeed {
  const { reader, notices, log, pollMs = 1_000, maxEntries = 50_000 } = options;
  const { now = Date.now, elapsed = () => performance.now() } = options;
  const memory = createRevocationLog({ windowSeconds, maxEntries });
  const standing = options.disabledUsers ? createStandingRevocations() : noStanding;
  const readStanding = standingReader(options);
  let asOf: { time: number; elapsed: number } | null = null;

  const refresh = async (): Promise<void> => {
    const startedAt = { time: now(), elapsed: elapsed() };
    const seconds = Math.floor(startedAt.time / 1_000);
    const { newest, isSame } = await reader.newest(memory.position());
    const range = { since: seconds - windowSeconds, limit: maxEntries + 1 };
    if (!asOf || !isSame) memory.load(await reader.read({ ...range, after: 0 }), newest, seconds);
    else if (newest > memory.position()) {
      const rows = await reader.read({ ...range, after: memory.position() });
      if (rows.length > maxEntries) memory.load(rows, newest, seconds);
      else memory.append(rows, seconds);
    } else memory.append([], seconds);
    standing.set(await readStanding());
    asOf = startedAt;
  };
  /** Whether it could look. */
  const poll = oneAtATime(async () => {
    try {
      await refresh();
      return true;
    } catch (error) {
      log.warn('cannot read revocations', { error });
      return false;
    }
  });
  const timer = setInterval(() => void poll(), pollMs);
  const listening = notices.listen(() => void poll());
  // By both clocks: one may be set back, and the other stands still while a machine is suspended.
  const ageMs = (): number => (asOf ? Math.max(0, now() - asOf.time, elapsed() - asOf.elapsed) : Infinity);
  void poll();
  return {
    after: async (shown) => {
      const position = shown === null ? null : standing.positionOf(shown);
      // Another instance may have been told a moment earlier; only the database knows who is right.
      const isReaderAhead = position !== null && position > memory.position();
      if (isReaderAhead || ageMs() > maxAgeMs) {
        const hasLooked = await Promise.race([poll(), sleep(maxWaitMs, false, { ref: false })]);
        if (!hasLooked) throw new AppError('unavailable', 'Nobody can say right now what was revoked');
      }
      return { ...standing.addTo(memory.after(position), shown, Math.floor(now() / 1_000)), ageMs: ageMs() };
    },
    stop: async () => {
      clearInterval(timer);
      await listening.stop();
    },
  };
}

/** More than fit are said out loud, once: their tokens of before are refused, and those that they get from now on are not. */
function standingReader({ disabledUsers, log, maxStanding = mostStanding }: RevocationFeedOptions) {
  let hasWarned = false;
  return async (): Promise<string[]> => {
    const users = (await disabledUsers?.(maxStanding + 1)) ?? [];
    if (users.length > maxStanding && !hasWarned) {
      log.error('more users are disabled than the edge is told of: ban them at Supabase', { count: maxStanding });
    }
    hasWarned = users.length > maxStanding;
    return users.slice(0, maxStanding);
  };
}

/** Runs that overlap become one more after the present one, which sees what the callers want seen. */
function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let running: Promise<T> | undefined;
  let next: Promise<T> | undefined;
  const run = async (): Promise<T> => {
    try {
      return await work();
    } finally {
      running = undefined;
    }
  };
  return async () => {
    if (!running) return await (running = run());
    next ??= running.then(() => {
      next = undefined;
      return (running = run());
    });
    return await next;
  };
}
