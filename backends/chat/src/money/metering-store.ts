import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Micros } from '#shared/prices/money.ts';
import type { CallOutcome, CallStatus, EarlierCalls, Worst } from './metering.ts';

/** One call that wants to be made. */
export type AdmissionRequest = {
  callId: string;
  userId: string;
  keyId: string | null;
  limits: UserPrincipal['limits'];
  worst: Worst;
  least: Worst;
  /** What else is taken of the caller's minute, for calls that will follow. Only for a caller without a budget. */
  ahead?: Ahead | null;
};

/** Of a caller's minute. */
export type Ahead = { requests: number; tokens: number };

/** What was taken ahead and is not needed. */
export type ReturnedMinute = Ahead & { userId: string; subjectId: string; minute: Date };

/** `held`: there is money, but calls that still run may need it. `budget`: there is not. */
export type Refusal = 'rpm' | 'tpm' | 'concurrency' | 'held' | 'budget';

export type Budget = { kind: 'key' | 'user'; period: 'day' | 'month' | 'total'; limitMicros: Micros };

/** What the database said to it. */
export type AdmissionAnswer = {
  at: Date;
  /** Null: admitted. */
  refusal: Refusal | null;
  /** Until that reason may be gone; null where it never goes by itself. */
  waitSeconds: number | null;
  granted: Worst;
  rpmLeft: number | null;
  tpmLeft: number | null;
  /** Until the minute is over. */
  minuteSeconds: number;
  isReserved: boolean;
  isBudgeted: boolean;
  /** What was taken besides, and what that left; null: nothing was. */
  ahead: (Ahead & Pick<AdmissionAnswer, 'rpmLeft' | 'tpmLeft'>) | null;
  /** The one that refused. */
  budget: Budget | null;
};

/** A call that is over. */
export type UsageEvent = Omit<CallOutcome, 'status'> & {
  callId: string;
  earlier?: EarlierCalls | null;
  at: Date;
  userId: string;
  keyId: string | null;
  status: CallStatus;
};

/** Each is one round trip, whatever the size of the batch. */
export type MeteringStore = {
  /** Answers in the order of the requests. Takes as many as fit, first come first served. */
  admit: (requests: readonly AdmissionRequest[]) => Promise<readonly AdmissionAnswer[]>;
  /** Saying an event twice changes nothing. What an earlier call was charged for costs nothing. */
  record: (events: readonly UsageEvent[]) => Promise<void>;
  giveBack: (returned: readonly ReturnedMinute[]) => Promise<void>;
};
