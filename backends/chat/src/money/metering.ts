import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Micros, TokenUsage } from '#shared/prices/money.ts';
import type { MinuteLease } from './minute-leases.ts';

/** What a call may cost at most, known before it is made. */
export type Worst = { micros: Micros; tokens: number };

/**
 * Calls that were made for the same wish by processes that died, so that its answer is lost. Where one of them was
 * charged for the whole answer, the call that repeats it is on record and costs nothing.
 */
export type EarlierCalls = { ids: readonly string[]; since: Date };

export type Admission = {
  callId: string;
  earlier?: EarlierCalls | null;
  principal: UserPrincipal;
  /** What the call costs at most if it gets all the output it asks for. */
  worst: Worst;
  /** What it makes do with where its limits leave less than the worst; absent: nothing less than the worst. */
  least?: Worst;
};

/** What the caller's limits allow a call. Every one must be settled, whatever becomes of it. */
export type Admitted = {
  callId: string;
  earlier?: EarlierCalls | null;
  principal: UserPrincipal;
  /** What the call may cost: its worst, or what its limits leave of it, but not less than its least. */
  granted: Worst;
  /** Whether something is held back in the database for this call. */
  isReserved: boolean;
  /** What it was taken from, where that is not the database. */
  lease?: MinuteLease | null;
  /** Whether its caller may be refused another call until this one is settled. */
  isAwaited: boolean;
  /** When the call was admitted; ISO time. */
  at: Date;
  /** `ratelimit` and `ratelimit-policy` of the caller's minute, where it has limits. */
  headers: Record<string, string>;
};

export type CallStatus = 'completed' | 'failed' | 'broken' | 'cancelled';

/** How a call ended, as one row of `usage_events` will say. */
export type CallOutcome = {
  /** A protocol, or what else costs. */
  operation: string;
  provider: string;
  model: string;
  status: CallStatus;
  /** Of the last failure; null for a completed call. */
  errorCode: string | null;
  usage: TokenUsage;
  /** Whether the vendor said what was used, or we counted what passed. */
  isEstimated: boolean;
  costMicros: Micros;
  priceVersion: number;
  durationMs: number;
  /** Until the first byte of the answer; null where none came. */
  firstByteMs: number | null;
  isFallback: boolean;
  requestId: string;
};

export type Metering = {
  /**
   * Holds back what the call may cost. Rejects with `rate_limited` (requests, tokens, calls at once), with
   * `budget_exceeded`, or with `unavailable` where the limits cannot be asked. A caller without limits waits for nothing.
   */
  admit: (admission: Admission) => Promise<Admitted>;
  /**
   * Records the call and releases what was held back, in the background and in batches. Resolves when it is committed
   * and never rejects: what cannot be written now is kept and tried again.
   */
  settle: (admitted: Admitted, outcome: CallOutcome) => Promise<void>;
};

export type RunningMetering = Metering & {
  /** Writes what waits, as far as that is possible within some seconds. Nothing may be admitted afterwards. */
  close: () => Promise<void>;
};
