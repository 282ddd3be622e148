import { createBoundedCache } from '../bounded-cache.ts';
import type { Lease } from './rpm-window.ts';

export type RpmDecision = { admitted: boolean; limit: number; remaining: number; resetsInMs: number };

/** What this isolate holds of one key's window. */
type Held = {
  window: number;
  limit: number;
  left: number;
  remaining: number;
  used: number;
  /** Until when leases may be used: before the window ends, whatever the network took. */
  usableUntil: number;
  /** When the window has ended for sure. */
  resetAt: number;
  /** Only one request at a time asks ahead: a burst of them would take the whole budget to one isolate. */
  askedAheadAt: number;
};

/** What an isolate was granted and has not used, and what it may decide by that. */
export type HeldLeases = {
  /** Null: nothing is left here, and there may be more elsewhere. */
  decide: (key: string, limit: number) => RpmDecision | null;
  /** As `decide`, but null too when it is time to ask for more. */
  decideEasily: (key: string, limit: number) => RpmDecision | null;
  /** How many to ask for ahead. Whoever is told more than none is the only one for a while. */
  ahead: (key: string, limit: number) => number;
  /** Decides for the request that asked. Null: the answer came after its window, or after the clock was set back. */
  receive: (key: string, limit: number, grant: Lease, askedAt: number) => RpmDecision | null;
  now: () => number;
};

const askAheadAgainMs = 2_000;
/** Requests that run at the same time may each see a slightly different time; a clock that was set back differs more. */
const clockStepMs = 1_000;
/** In a new window an isolate begins with this part of what it used in the last one that it saw. */
const ofLastWindow = 1 / 16;

/** Whatever it forgets, such as the oldest key of too many, was granted and not used: it can only admit less. */
export function createHeldLeases(maxKeys: number, clock: () => number): HeldLeases {
  let heldByKey = createBoundedCache<Held>(maxKeys);
  let latest = -Infinity;

  /** By a clock that was set back every lease would outlive its window: then nothing is held any more. */
  const now = (): number => {
    const at = clock();
    if (at < latest - clockStepMs) heldByKey = createBoundedCache(maxKeys);
    latest = at;
    return at;
  };

  const usable = (key: string, limit: number, at: number): Held | undefined => {
    const held = heldByKey.get(key);
    return held?.limit === limit && at < held.usableUntil ? held : undefined;
  };

  return {
    now,
    decide: (key, limit) => {
      const at = now();
      const held = usable(key, limit, at);
      return held ? decided(held, at) : null;
    },
    decideEasily: (key, limit) => {
      const at = now();
      const held = usable(key, limit, at);
      return held && !isLow(held, at) ? decided(held, at) : null;
    },
    ahead: (key, limit) => {
      const at = now();
      const known = heldByKey.get(key);
      return known?.limit === limit ? aheadOf(known, at) : 0;
    },
    receive: (key, limit, grant, askedAt) => {
      const at = now();
      const fresh = heldFrom(grant, limit, { askedAt, receivedAt: at });
      if (at >= fresh.usableUntil || at < askedAt - clockStepMs) return null;
      const held = merged(usable(key, limit, at), fresh);
      heldByKey.set(key, held);
      if (grant.granted === 0) return decided(held, at);
      return { admitted: true, limit, remaining: held.left + held.remaining, resetsInMs: grant.resetsInMs };
    },
  };
}

/** Null: nothing is left here, and there may be more elsewhere. */
function decided(held: Held, now: number): RpmDecision | null {
  const { limit, remaining, resetAt } = held;
  if (held.left === 0 && remaining > 0) return null;
  const admitted = held.left > 0;
  if (admitted) {
    held.left -= 1;
    held.used += 1;
  }
  return { admitted, limit, remaining: held.left + remaining, resetsInMs: resetAt - now };
}

/** Time to ask ahead: few are left for the pace, there are more elsewhere, and nobody has asked just now. */
function isLow({ left, used, remaining, askedAheadAt }: Held, now: number): boolean {
  return left > 0 && left * 4 < used && remaining > 0 && now - askedAheadAt >= askAheadAgainMs;
}

/** `held` may be of a window that is over; its successor too is asked ahead for by one request at a time. */
function aheadOf(held: Held, now: number): number {
  if (now - held.askedAheadAt < askAheadAgainMs) return 0;
  held.askedAheadAt = now;
  return now < held.usableUntil ? held.used : Math.floor(held.used * ofLastWindow);
}

/** One of the granted is used by the request that asked. */
function heldFrom(lease: Lease, limit: number, { askedAt, receivedAt }: { askedAt: number; receivedAt: number }): Held {
  return {
    window: lease.window,
    limit,
    left: Math.max(0, lease.granted - 1),
    remaining: lease.remaining,
    used: Math.min(1, lease.granted),
    usableUntil: askedAt + lease.resetsInMs,
    resetAt: receivedAt + lease.resetsInMs,
    askedAheadAt: -Infinity,
  };
}

/** Leases add up within a window, and never across two. Answers may overtake each other; a budget only shrinks. */
function merged(known: Held | undefined, fresh: Held): Held {
  if (!known || known.window < fresh.window) return fresh;
  if (known.window > fresh.window) return known;
  return {
    ...fresh,
    left: known.left + fresh.left,
    used: known.used + fresh.used,
    remaining: Math.min(known.remaining, fresh.remaining),
    askedAheadAt: fresh.left > 0 ? -Infinity : known.askedAheadAt,
  };
}
