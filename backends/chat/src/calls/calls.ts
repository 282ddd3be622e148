import type { GuardedFetch } from '#shared/guarded-fetch/guarded-fetch.ts';
import type { Logger } from '#shared/log.ts';
import type { Admitted, Metering } from '../money/metering.ts';
import type { WorstCaseOptions } from '../money/worst-case.ts';
import type { Stage } from '../performance/measured-call.ts';
import type { AttemptWatcher, RetryLimits } from './attempts.ts';
import type { Breakers } from './breakers.ts';
import type { Call, Spent, Target } from './call.ts';
import type { LoadShedding } from './load-shedding.ts';
import { planCall, type PlanOptions } from './plan-call.ts';
import type { EventSink, RelayLimits } from './relay-options.ts';
import { streamCall } from './stream-call.ts';
import { unaryCall } from './unary-call.ts';
import type { BilledTool } from './unpriced-wishes.ts';

export type CallLimits = RelayLimits &
  RetryLimits & {
    /** Until the first byte of a stream, for each attempt. */
    firstByteMs: number;
    /** From admission to the last byte; covers all attempts. */
    totalMs: number;
  };

/** How one attempt went, for those who measure providers. */
export type Measured = {
  provider: string;
  model: string;
  outcome: 'completed' | 'failed' | 'cancelled';
  error: unknown;
  firstByteMs: number | null;
  totalMs: number;
  /** Of the call, before anybody was asked. */
  stages: Partial<Record<Stage, number>>;
};

export type CallsOptions = {
  limits: CallLimits;
  plan: PlanOptions;
  metering: Metering;
  output: WorstCaseOptions;
  /** Tools that vendors bill by themselves and callers may use all the same, at the operator's expense. */
  unbilledTools: ReadonlySet<BilledTool>;
  /** Fetches the images of users, for vendors that do not. */
  images: GuardedFetch;
  breakers: Breakers;
  /** Refuses what this process cannot serve well. */
  shedding: LoadShedding;
  measure: (measured: Measured) => void;
  log: Logger;
};

export type Answer = { bytes: Uint8Array; target: Target; spent: Spent; admitted: Admitted };

export type StreamExtras = {
  /** The answer begins once the call is admitted: whatever fails from then on is an event in it. */
  opensAtOnce?: boolean;
  /** Before anything is sent. */
  onAdmitted?: (admitted: Admitted) => void;
  watcher?: AttemptWatcher;
  /** Gets the data of each event in the caller's protocol, for those who need what the model wrote. */
  onData?: (data: string) => void;
  /**
   * What must have happened before the caller may believe that the answer is complete; what it resolves with is sent
   * before the event that says so.
   */
  beforeEnd?: (end: { target: Target; spent: Spent }) => Promise<string>;
  /** The answer ended in any other way. */
  onBroken?: (end: { target: Target | null; spent: Spent; isCancelled: boolean }) => void;
};

/** Whom a request that is not yet made would go to. */
export type Wanted = Pick<Call, 'principal' | 'protocol' | 'model' | 'fallbacks'>;

/** Runs calls: chooses who answers, holds back what it may cost, asks until somebody answers, and settles. */
export type Calls = {
  /** Who would answer, the first choice first. Rejects what the call itself would, before anything is done for it. */
  plan: (wanted: Wanted) => [Target, ...Target[]];
  /** Throws where a call would be refused because too many run, for those who would do something before it. */
  refuseWhenBusy: () => void;
  unary: (call: Call, watcher?: AttemptWatcher) => Promise<Answer>;
  /** Resolves when the answer has begun; from then on the stream itself tells how it ended. */
  stream: (call: Call, sink: EventSink, extras?: StreamExtras) => Promise<void>;
};

export function createCalls(options: CallsOptions): Calls {
  return {
    plan: (wanted) => planCall(options.plan, wanted),
    refuseWhenBusy: () => options.shedding.enter()(),
    unary: (call, watcher = {}) => unaryCall(options, call, watcher),
    stream: (call, sink, extras = {}) => streamCall(options, { call, sink, extras }),
  };
}
