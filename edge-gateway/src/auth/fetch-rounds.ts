const maxFetches = 16;

type Outcome = 'pending' | 'done' | 'failed';
type Round = { startedAt: number; fetches: number; outcome: Outcome; cause?: unknown };

export type RoundsOptions = {
  /** Fetches once, ending by itself within `deadlineMs`. */
  fetch: () => Promise<void>;
  deadlineMs: number;
  /** How long a round that succeeded stands before the next may start, and one that failed. */
  restMs: { done: number; failed: number };
  /** Lets work go on after the answer of the request that started it. */
  background: (work: Promise<void>) => void;
  now: () => number;
};

export type FetchRounds = {
  /** Starts a round and resolves when its fetch ended. Null where one is on, or the last one still stands. */
  begin: () => Promise<void> | null;
  /** As `begin`, but fetches along in a round that is on. Null where there were enough of these, too. */
  join: () => Promise<void> | null;
  latest: () => Readonly<Pick<Round, 'outcome' | 'cause'>>;
};

/**
 * How often something that every request may need is fetched. Requests share what a fetch brought but not its promise:
 * workerd may never settle one that another request started. So while a round is on, each who cannot do without
 * fetches for itself, up to a limit; once it is over, all live with its outcome for a while.
 */
export function createFetchRounds({ fetch, deadlineMs, restMs, background, now }: RoundsOptions): FetchRounds {
  let round: Round = { startedAt: -Infinity, fetches: 0, outcome: 'failed' };
  const standsMs = { pending: deadlineMs, ...restMs };
  const begin = (): Promise<void> | null => {
    if (now() - round.startedAt < standsMs[round.outcome]) return null;
    round = { startedAt: now(), fetches: 0, outcome: 'pending' };
    return fetchIn(round, fetch, background);
  };
  return {
    begin,
    join: () => {
      const isOn = round.outcome === 'pending' && now() - round.startedAt < deadlineMs;
      if (!isOn) return begin();
      return round.fetches < maxFetches ? fetchIn(round, fetch, background) : null;
    },
    latest: () => round,
  };
}

function fetchIn(round: Round, fetch: RoundsOptions['fetch'], background: RoundsOptions['background']): Promise<void> {
  round.fetches += 1;
  const fetched = fetch().then(
    () => {
      round.outcome = 'done';
    },
    (cause: unknown) => {
      if (round.outcome !== 'done') Object.assign(round, { outcome: 'failed', cause });
    },
  );
  background(fetched);
  return fetched;
}
