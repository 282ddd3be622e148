import { AppError } from '#shared/http/error.ts';
import { settledWithin } from '../settled-within.ts';
import { createHeldLeases, type RpmDecision } from './held-leases.ts';
import type { Lease, LeaseAsk } from './rpm-window.ts';

/** Asks the one place in the world that counts a key. Rejects when it cannot be reached. */
export type LeaseSource = (key: string, ask: LeaseAsk) => Promise<Lease>;

export type RpmLeases = {
  /** Not a promise where this isolate can decide alone. */
  take: (key: string, limit: number) => RpmDecision | Promise<RpmDecision>;
};

export type RpmLeasesOptions = { ask: LeaseSource; now?: () => number; maxKeys?: number };

/** An asking ahead that is under way; others wait for what it brings. */
type Flight = { done: Promise<unknown>; startedAt: number };

/** Whoever asked may be gone, and what it asked for with it. */
const flightMs = 100;

/**
 * Decides from leases where it holds some and asks for more where few are left, so most requests cost no I/O. It asks
 * for as many as it has used in this window: an isolate that sees one request takes one, a busy one soon asks rarely.
 * Nobody is refused, for want of an answer or of budget elsewhere, while leases are in hand.
 */
export function createRpmLeases({ ask, now = Date.now, maxKeys = 10_000 }: RpmLeasesOptions): RpmLeases {
  const held = createHeldLeases(maxKeys, now);
  const flights = new Map<string, Flight>();

  const lease = async (key: string, limit: number, ahead: number, askedAt: number): Promise<RpmDecision | null> =>
    held.receive(key, limit, await ask(key, { limit, ahead }), askedAt);

  const askFor = async (key: string, limit: number): Promise<RpmDecision | null> => {
    const startedAt = held.now();
    const ahead = held.ahead(key, limit);
    const done = lease(key, limit, ahead, startedAt);
    if (ahead === 0) return await done;
    const flight = { done, startedAt };
    flights.set(key, flight);
    return await done.finally(() => flights.get(key) === flight && flights.delete(key));
  };

  const askedOrInHand = async (key: string, limit: number): Promise<RpmDecision | null> => {
    try {
      return await askFor(key, limit);
    } catch (error) {
      const inHand = held.decide(key, limit);
      if (inHand) return inHand;
      throw error;
    }
  };

  const decidedElsewhere = async (key: string, limit: number): Promise<RpmDecision> => {
    const flight = flights.get(key);
    if (flight && held.now() - flight.startedAt < flightMs) {
      await settledWithin(flight.done, flightMs);
      const brought = held.decide(key, limit);
      if (brought) return brought;
    }
    // The second time asks in the window that has just begun; a third would be real trouble.
    const decision = (await askedOrInHand(key, limit)) ?? (await askedOrInHand(key, limit));
    if (decision) return decision;
    throw new AppError('unavailable', 'The limits of this key cannot be checked right now');
  };

  return { take: (key, limit) => held.decideEasily(key, limit) ?? decidedElsewhere(key, limit) };
}
