import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import { createBoundedCache } from '../bounded-cache.ts';
import { cannotTell, lookUpMs, type KeyStore } from './key-store.ts';
import type { Revocations, WaitUntil } from './revocations.ts';
import { settledWithin } from '../settled-within.ts';

/** The key store as requests see it. Ask `revocations.current` first: an answer is only as fresh as that. */
export type KnownKeys = {
  /** What is remembered of a key and still good. Ask `find` where there is nothing. */
  recall: (keyHash: string) => ResolvedKey | null;
  find: (keyHash: string, waitUntil: WaitUntil) => Promise<ResolvedKey | null>;
  /** How many known and unknown keys are remembered, and how many are being looked up. */
  sizes: () => { known: number; unknown: number; lookUps: number };
};

export type KeyCacheOptions = {
  store: KeyStore;
  revocations: Pick<Revocations, 'mark' | 'hasKeyChanged'>;
  now?: () => number;
};

const maxKnown = 10_000;
const maxUnknown = 10_000;
const knownMs = 10 * 60_000;
/** A key made just now works at the latest after this. */
const unknownMs = 5_000;
/** Two stores in a row, and a little. What takes longer never ends: the platform ended the request that started it. */
const flightMs = 2 * lookUpMs + 500;

type Known = { resolved: ResolvedKey; keyId: string; userId: string; mark: number; until: number };
/** One look-up that all who ask for the same hash wait for. */
type Flight = { mark: number; startedAt: number; done: Promise<void>; outcome?: Outcome };
type Outcome = { resolved: ResolvedKey | null } | { error: unknown };

/**
 * Remembers known keys for ten minutes (never past their expiry, never past a revocation) and unknown hashes for
 * seconds. A look-up that fails is not remembered.
 */
export function createKeyCache({ store, revocations, now = Date.now }: KeyCacheOptions): KnownKeys {
  const known = createBoundedCache<Known>(maxKnown);
  /** When it was asked about each. */
  const unknown = createBoundedCache<number>(maxUnknown);
  const { flightTo, outcomeOf, count } = createFlights({ store, revocations, now });

  const isGood = ({ until, keyId, userId, mark }: Known): boolean =>
    until > now() && !revocations.hasKeyChanged(keyId, userId, mark);

  /** In either direction, or a clock that was set back would keep a new key out until it has caught up. */
  const isUnknown = (keyHash: string): boolean => Math.abs(now() - (unknown.get(keyHash) ?? -Infinity)) < unknownMs;

  /** Undefined: the key was revoked or changed while it was looked up, so the answer is worth nothing. */
  const lookUp = async (keyHash: string, waitUntil: WaitUntil): Promise<ResolvedKey | null | undefined> => {
    const flight = flightTo(keyHash, waitUntil);
    const resolved = await outcomeOf(keyHash, flight);
    const entry = resolved && remembered(resolved, flight);
    if (entry && revocations.hasKeyChanged(entry.keyId, entry.userId, entry.mark)) return undefined;
    if (entry && entry.until > now()) {
      known.set(keyHash, entry);
      return resolved;
    }
    // Also what has expired here and not yet for the store, whose clock may be behind, or it would be asked every time.
    unknown.set(keyHash, flight.startedAt);
    return null;
  };
  return {
    recall: (keyHash) => {
      const entry = known.get(keyHash);
      return entry && isGood(entry) ? entry.resolved : null;
    },
    sizes: () => ({ known: known.size(), unknown: unknown.size(), lookUps: count() }),
    find: async (keyHash, waitUntil) => {
      const entry = known.get(keyHash);
      if (entry) {
        if (isGood(entry)) return entry.resolved;
        known.delete(keyHash);
      }
      if (isUnknown(keyHash)) return null;
      let found = await lookUp(keyHash, waitUntil);
      if (found === undefined) found = await lookUp(keyHash, waitUntil);
      if (found === undefined) throw cannotTell('the key kept changing while it was looked up');
      return found;
    },
  };
}

type Flights = {
  /** The look-up of a hash that is under way and may still end, or a new one. */
  flightTo: (keyHash: string, waitUntil: WaitUntil) => Flight;
  outcomeOf: (keyHash: string, flight: Flight) => Promise<ResolvedKey | null>;
  count: () => number;
};

function createFlights({ store, revocations, now }: Required<KeyCacheOptions>): Flights {
  const flights = new Map<string, Flight>();
  /** A clock that was set back makes a look-up old too. */
  const remainingMs = ({ startedAt }: Flight): number => flightMs - Math.abs(now() - startedAt);
  /** Removes what never ended. The first in the map are the oldest. */
  const sweep = (): void => {
    for (const [keyHash, flight] of flights) {
      if (remainingMs(flight) > 0) return;
      flights.delete(keyHash);
    }
  };
  const land = async (keyHash: string, flight: Flight): Promise<void> => {
    flight.outcome = await store.find(keyHash).then(
      (resolved) => ({ resolved }),
      (error: unknown) => ({ error }),
    );
    if (flights.get(keyHash) === flight) flights.delete(keyHash);
  };
  /** The look-up goes on when the request that started it is gone: others may be waiting. */
  const takeOff = (keyHash: string, waitUntil: WaitUntil): Flight => {
    sweep();
    const { promise: done, resolve } = Promise.withResolvers<void>();
    const flight: Flight = { mark: revocations.mark(), startedAt: now(), done };
    flights.set(keyHash, flight);
    waitUntil(land(keyHash, flight).then(resolve));
    return flight;
  };
  return {
    count: () => flights.size,
    flightTo: (keyHash, waitUntil) => {
      const flight = flights.get(keyHash);
      return flight && remainingMs(flight) > 0 ? flight : takeOff(keyHash, waitUntil);
    },
    outcomeOf: async (keyHash, flight) => {
      if (!flight.outcome) await settledWithin(flight.done, remainingMs(flight));
      const { outcome } = flight;
      if (!outcome && flights.get(keyHash) === flight) flights.delete(keyHash);
      if (!outcome) throw cannotTell('a look-up did not end');
      if ('error' in outcome) throw outcome.error;
      return outcome.resolved;
    },
  };
}

function remembered(resolved: ResolvedKey, { mark, startedAt }: Flight): Known {
  const { principal, expiresAt } = resolved;
  const expiry = expiresAt === null ? Infinity : Date.parse(expiresAt);
  return {
    resolved,
    keyId: principal.keyId ?? '',
    userId: principal.userId,
    mark,
    until: Math.min(startedAt + knownMs, expiry),
  };
}
