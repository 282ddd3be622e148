import { AppError } from '#shared/http/error.ts';
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

const askAheadAgainMs = 2_000;

/**
 * Decides from leases where it holds some and asks for more where not, so most requests cost no I/O. It asks for as
 * many as it has used in this window: an isolate that sees one request takes one, a busy one soon asks rarely.
 * Whatever it forgets (the oldest key of too many, a late answer) was granted and not used: it can only admit less.
 */
export function createRpmLeases({ ask, now = Date.now, maxKeys = 10_000 }: RpmLeasesOptions): RpmLeases {
  const heldByKey = new Map<string, Held>();

  const usable = (key: string, limit: number): Held | undefined => {
    const held = heldByKey.get(key);
    return held?.limit === limit && isWithin(now(), held) ? held : undefined;
  };

  const keep = (key: string, held: Held): void => {
    heldByKey.delete(key);
    if (heldByKey.size >= maxKeys) dropOldest(heldByKey);
    heldByKey.set(key, held);
  };

  const askFor = async (key: string, limit: number): Promise<RpmDecision | null> => {
    const askedAt = now();
    const lease = await ask(key, { limit, ahead: aheadOf(usable(key, limit), askedAt) });
    const receivedAt = now();
    const fresh = heldFrom(lease, limit, { askedAt, receivedAt });
    // A grant that arrived after its window is nobody's any more.
    if (!isWithin(receivedAt, fresh)) return null;
    keep(key, merged(usable(key, limit), fresh));
    const remaining = lease.remaining + fresh.left;
    return { admitted: lease.granted > 0, limit, remaining, resetsInMs: lease.resetsInMs };
  };

  const decidedElsewhere = async (key: string, limit: number): Promise<RpmDecision> => {
    // The second time asks in the window that has just begun; a third would be real trouble.
    const decision = (await askFor(key, limit)) ?? (await askFor(key, limit));
    if (decision) return decision;
    throw new AppError('unavailable', 'The limits of this key cannot be checked right now');
  };

  return {
    take: (key, limit) => {
      const held = usable(key, limit);
      return (held && decided(held, now())) ?? decidedElsewhere(key, limit);
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

function aheadOf(held: Held | undefined, now: number): number {
  if (!held || now - held.askedAheadAt < askAheadAgainMs) return 0;
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

function dropOldest(heldByKey: Map<string, unknown>): void {
  for (const key of heldByKey.keys()) {
    heldByKey.delete(key);
    return;
  }
}
