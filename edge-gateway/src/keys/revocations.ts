import { AppError } from '#shared/http/error.ts';
import type { RevocationFeed } from '#shared/identity/revocation-feed.ts';
import { createRevoked, type Revoked } from './revoked.ts';
import { settledWithin } from '../settled-within.ts';

export type WaitUntil = (work: Promise<unknown>) => void;

/** Answers whether something that was believed before may still be believed. */
export type Revocations = Pick<Revoked, 'mark' | 'hasKeyChanged' | 'isSessionRevoked'> & {
  /** Whether the questions can be asked right away, with nothing to refresh. */
  areFresh: () => boolean;
  /** Else call this before the questions. Rejects with `unavailable` when what is known is too old to answer them. */
  current: (waitUntil: WaitUntil) => Promise<void>;
};

export type RevocationsOptions = {
  /** Reads the feed; null asks for the whole window. Ends within `attemptMs`. */
  read: (after: number | null) => Promise<RevocationFeed>;
  /** How long known callers are served beyond the bound while the feed cannot be read. */
  graceSeconds: number;
  now?: () => number;
};

export const attemptMs = 2_000;
const refreshAfterMs = 2_000;
const boundMs = 5_000;
const retryAfterMs = 1_000;
/** An attempt that has not ended by then will not: the platform ended its request. */
const giveUpMs = 2 * attemptMs;
/** Requests that run at the same time see slightly different times. */
const clockToleranceMs = 1_000;

type Attempt = { startedAt: number; done: Promise<void> };

/**
 * Keeps the isolate's knowledge of revocations at most 5 s old: refreshed behind a request that finds it older than
 * 2 s, waited for by one that finds it older than 5 s. While the feed cannot be read, requests go on within the grace
 * without waiting for each attempt; a failure says so only until the next attempt had the time to tell. Age counts from
 * the truth in the database, not from when the answer came.
 */
export function createRevocations({ read, graceSeconds, now = Date.now }: RevocationsOptions): Revocations {
  const { position, apply, mark, hasKeyChanged, isSessionRevoked } = createRevoked();
  let asOf = -Infinity;
  let failedAt = -Infinity;
  let attempt: Attempt | undefined;

  /** Nobody knows how long ago something was when the clock has been set back: longer than anything may be. */
  const since = (then: number): number => {
    const ms = now() - then;
    return ms < -clockToleranceMs ? Infinity : ms;
  };
  const run = async (mine: Attempt): Promise<void> => {
    try {
      const feed = await read(position());
      if (attempt !== mine) return; // Given up on, and a later one may have brought newer things.
      apply(feed, now());
      asOf = mine.startedAt - feed.ageMs;
      failedAt = -Infinity;
    } catch {
      if (attempt === mine) failedAt = now();
    } finally {
      if (attempt === mine) attempt = undefined;
    }
  };
  /** One attempt at a time; one whose request was ended by the platform counts as failed after a while. */
  const refresh = (waitUntil: WaitUntil): Promise<void> | undefined => {
    if (attempt && since(attempt.startedAt) <= giveUpMs) return attempt.done;
    if (since(failedAt) < retryAfterMs) return undefined;
    const { promise: done, resolve } = Promise.withResolvers<void>();
    attempt = { startedAt: now(), done };
    waitUntil(run(attempt).then(resolve));
    return done;
  };
  const isWithinGrace = (): boolean => since(asOf) <= boundMs + graceSeconds * 1_000;
  return {
    mark,
    hasKeyChanged,
    isSessionRevoked,
    areFresh: () => since(asOf) <= refreshAfterMs,
    current: async (waitUntil) => {
      const age = since(asOf);
      if (age <= refreshAfterMs) return;
      const attempting = refresh(waitUntil);
      const isFailing = since(failedAt) <= giveUpMs;
      if (age <= boundMs || (isFailing && isWithinGrace())) return;
      if (attempting) await settledWithin(attempting, giveUpMs);
      if (!isWithinGrace()) throw new AppError('unavailable', 'Credentials cannot be checked right now');
    },
  };
}
