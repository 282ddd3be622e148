import { AppError } from '#shared/http/error.ts';
import type { Logger } from '#shared/log.ts';
import type { BudgetBook } from './budget-book.ts';
import { createCallRecorder, type CallRecorderOptions } from './call-recorder.ts';
import { createGroupCommit } from './group-commit.ts';
import { rateLimitHeaders, refusalError } from './limit-answers.ts';
import type { Admission, Admitted, RunningMetering } from './metering.ts';
import type { AdmissionRequest, MeteringStore } from './metering-store.ts';

export type MeteringOptions = {
  store: MeteringStore;
  book: BudgetBook;
  log: Logger;
  now?: () => Date;
  /** How long `close` may take. */
  closeMs?: number;
  /** Calls that may wait for being admitted. */
  maxWaiting?: number;
  maxBatch?: number;
  recorder?: Pick<CallRecorderOptions, 'maxWaiting' | 'pauseMs' | 'retryMs'>;
};

/**
 * Limits and budgets as the database keeps them. A caller who has none, which the book knows, costs no round trip before
 * its call; any other costs one, shared with all who ask at the same time. Whatever cannot be asked is refused.
 */
export function createMetering(options: MeteringOptions): RunningMetering {
  const { store, book, log, now = () => new Date(), closeMs = 10_000, maxWaiting = 5_000, maxBatch = 64 } = options;
  const admissions = createGroupCommit({ run: store.admit, maxBatch, maxPending: maxWaiting });
  const recorder = createCallRecorder({ record: store.record, log, ...options.recorder });

  const ask = async (admission: Admission): Promise<Admitted> => {
    const request = requestOf(admission);
    const answer = await admissions.submit(request);
    if (!answer.isBudgeted) book.noteFree(admission.principal);
    if (answer.refusal !== null) throw refusalError(request, answer);
    const { callId, earlier = null, principal } = admission;
    const { granted, isReserved, isBudgeted, at } = answer;
    const isAwaited = isBudgeted || principal.limits.concurrency !== undefined;
    const headers = rateLimitHeaders(request, answer);
    return { callId, earlier, principal, granted, isReserved, isAwaited, at, headers };
  };
  return {
    admit: async (admission) => {
      const { callId, earlier = null, principal, worst } = admission;
      if (recorder.isFull()) throw new AppError('unavailable', 'Too many calls wait for being recorded');
      requireIds(admission);
      if (hasLimits(admission) || !book.isFree(principal)) return await ask(admission);
      const free = { isReserved: false, isAwaited: false, headers: {} };
      return { ...free, callId, earlier, principal, granted: worst, at: now() };
    },
    settle: async ({ callId, earlier = null, principal: { userId, keyId }, at, isAwaited }, outcome) => {
      await recorder.record({ ...outcome, callId, earlier, at, userId, keyId }, { isAwaited });
    },
    close: async () => {
      book.stop();
      await recorder.close(closeMs);
    },
  };
}

function hasLimits({ principal: { limits } }: Admission): boolean {
  return limits.rpm !== undefined || limits.tpm !== undefined || limits.concurrency !== undefined;
}

function requestOf({ callId, principal, worst, least = worst }: Admission): AdmissionRequest {
  return {
    callId,
    userId: principal.userId,
    keyId: principal.keyId,
    limits: principal.limits,
    worst: whole(worst),
    least: whole(least),
  };
}

/** Rounded up: what is held back is never less than what was asked for. */
function whole({ micros, tokens }: Admission['worst']): Admission['worst'] {
  return { micros: amount(micros), tokens: amount(tokens) };
}

const mostAmount = 1e15;

function amount(value: number): number {
  if (!(value >= 0)) throw new Error('what a call may cost must be a number, and not below zero');
  return Math.min(Math.ceil(value), mostAmount);
}

const uuid = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

/** Our users, keys and calls all have UUIDs. Somebody else's cannot be charged, so they get nothing. */
function requireIds({ callId, principal: { userId, keyId } }: Admission): void {
  if (!uuid.test(callId)) throw new Error('the id of a call must be a UUID');
  if (!uuid.test(userId) || (keyId !== null && !uuid.test(keyId))) {
    throw new AppError('insufficient_scope', 'Calls of this account cannot be charged');
  }
}
