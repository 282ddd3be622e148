import { AppError } from '#shared/http/error.ts';
import { createBoundedCache } from '../bounded-cache.ts';
import { settledWithin } from '../settled-within.ts';
import { rpmWindowMs, type Lease, type LeaseAsk } from './rpm-window.ts';

/** Asks the one place in the world that counts a key. Rejects when it cannot be reached. */
export type LeaseSource = (key: string, ask: LeaseAsk) => Promise<Lease>;

export type RpmDecision = { admitted: boolean; limit: number; remaining: number; resetsInMs: number };

export type RpmLeases = {
  /** Not a promise where this isolate can decide alone. */
  take: (key: string, limit: number) => RpmDecision | Promise<RpmDecision>;
};

export type RpmLeasesOptions = { ask: LeaseSource; now?: () => number; maxKeys?: number };

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

/** An asking ahead that is under way; others wait for what it brings. */
type Flight = { done: Promise<unknown>; startedAt: number };

const askAheadAgainMs = 2_000;
/** Whoever asked may be gone, and what it asked for with it. */
const flightMs = 100;
/** In a new window an isolate begins with this part of what it used in the last one that it saw. */
const ofLastWindow = 1 / 16;

/**
 * Decides from leases where it holds some and asks for more where few are left, so most requests cost no I/O. It asks
 * for as many as it has used in this window: an isolate that sees one request takes one, a busy one soon asks rarely.
 * Whatever it forgets (the oldest key of too many, a late answer) was granted and not used: it can only admit less.
 */
export function createRpmLeases(options: RpmLeasesOptions): RpmLeases {
  const { now = Date.now, maxKeys = 10_000 } = options;
  const heldByKey = createBoundedCache<Held>(maxKeys);
  const flights = new Map<string, Flight>();

  const usable = (key: string, limit: number): Held | undefined => {
    const held = heldByKey.get(key);
    return held?.limit === limit && isWithin(now(), held) ? held : undefined;
  };

  const lease = async (key: string, ask: LeaseAsk): Promise<RpmDecision | null> => {
    const { limit } = ask;
    const askedAt = now();
    const granted = await options.ask(key, ask);
    const receivedAt = now();
    const fresh = heldFrom(granted, limit, { askedAt, receivedAt });
    // A grant that arrived after its window is nobody's any more.
    if (!isWithin(receivedAt, fresh)) return null;
    heldByKey.set(key, merged(usable(key, limit), fresh));
    const remaining = granted.remaining + fresh.left;
    return { admitted: granted.granted > 0, limit, remaining, resetsInMs: granted.resetsInMs };
  };

  const askFor = async (key: string, limit: number): Promise<RpmDecision | null> => {
    const startedAt = now();
    const known = heldByKey.get(key);
    const ahead = known?.limit === limit ? aheadOf(known, startedAt) : 0;
    const asked = lease(key, { limit, ahead });
    if (ahead === 0) return await asked;
    const flight = { done: asked, startedAt };
    flights.set(key, flight);
    return await asked.finally(() => flights.get(key) === flight && flights.delete(key));
  };

  const decidedAfter = async ({ done }: Flight, key: string, limit: number): Promise<RpmDecision | null> => {
    await settledWithin(done, flightMs);
    const held = usable(key, limit);
    return held ? decided(held, now()) : null;
  };

  const decidedElsewhere = async (key: string, limit: number): Promise<RpmDecision> => {
    const flight = flights.get(key);
    const brought = flight && now() - flight.startedAt < flightMs ? await decidedAfter(flight, key, limit) : null;
    // The second time asks in the window that has just begun; a third would be real trouble.
    const decision = brought ?? (await askFor(key, limit)) ?? (await askFor(key, limit));
    if (decision) return decision;
    throw new AppError('unavailable', 'The limits of this key cannot be checked right now');
  };

  return {
    take: (key, limit) => {
      const held = usable(key, limit);
      return (held && !isLow(held, now()) && decided(held, now())) || decidedElsewhere(key, limit);
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

/** `held` may be of a window that is over. */
function aheadOf(held: Held, now: number): number {
  if (!isWithin(now, held)) return Math.floor(held.used * ofLastWindow);
  if (now - held.askedAheadAt < askAheadAgainMs) return 0;
  held.askedAheadAt = now;
  return held.used;
}

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

/** A clock that was set back makes a lease unusable, never longer. */
function isWithin(now: number, { usableUntil, resetAt }: Held): boolean {
  return now < usableUntil && now >= resetAt - rpmWindowMs;
}
