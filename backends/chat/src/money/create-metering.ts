import { AppError } from '#shared/http/error.ts';
import type { Logger } from '#shared/log.ts';
import type { BudgetBook } from './budget-book.ts';
import { createCallRecorder, type CallRecorderOptions } from './call-recorder.ts';
import { createGroupCommit } from './group-commit.ts';
import { rateLimitHeaders, refusalError, type MinuteLeft } from './limit-answers.ts';
import type { Admission, Admitted, CallOutcome, RunningMetering } from './metering.ts';
import type { AdmissionAnswer, AdmissionRequest, MeteringStore } from './metering-store.ts';
import { createMinuteLeases, type MinuteLease, type MinuteLeasesOptions } from './minute-leases.ts';

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
  leases?: Pick<MinuteLeasesOptions, 'aheadMs' | 'idleMs'>;
};

/**
 * Limits and budgets as the database keeps them. A caller without a budget, which the book knows, costs no round trip
 * before its call if it has no limits either, and hardly ever one if it has many calls and limits far away; any other
 * costs one, shared with all who ask at the same time. Whatever cannot be asked is refused.
 */
export function createMetering(options: MeteringOptions): RunningMetering {
  const { store, book, log, now = () => new Date(), closeMs = 10_000, maxWaiting = 5_000, maxBatch = 64 } = options;
  const admissions = createGroupCommit({ run: store.admit, maxBatch, maxPending: maxWaiting });
  const recorder = createCallRecorder({ record: store.record, log, ...options.recorder });

  const leases = createMinuteLeases({ giveBack: store.giveBack, ...options.leases });

  const asked = async (request: AdmissionRequest): Promise<AdmissionAnswer> => {
    if (!request.ahead) return await admissions.submit(request);
    const askedAt = performance.now();
    const answer = await admissions.submit(request).catch((error: unknown) => {
      leases.answered(request, null, askedAt);
      throw error;
    });
    leases.answered(request, answer, askedAt);
    return answer;
  };
  const ask = async (admission: Admission, request: AdmissionRequest): Promise<Admitted> => {
    const answer = await asked(request);
    if (!answer.isBudgeted) book.noteFree(admission.principal);
    if (answer.refusal !== null) throw refusalError(request, answer);
    const { granted, isReserved, isBudgeted, at } = answer;
    const isAwaited = isBudgeted || admission.principal.limits.concurrency !== undefined;
    const { callId, earlier = null, principal } = admission;
    const headers = rateLimitHeaders(request, answer);
    return { callId, earlier, principal, granted, isReserved, isAwaited, at, headers };
  };
  const limited = async (admission: Admission): Promise<Admitted> => {
    const request = requestOf(admission);
    const isLeasable = admission.principal.limits.concurrency === undefined && book.isFree(admission.principal);
    if (!isLeasable) return await ask(admission, request);
    const lease = leases.take(request);
    if (!lease) return await ask(admission, { ...request, ahead: leases.ahead(request) });
    return unasked(admission, { at: now(), headers: rateLimitHeaders(request, leftIn(lease)), lease });
  };
  return {
    admit: async (admission) => {
      if (recorder.isFull()) throw new AppError('unavailable', 'Too many calls wait for being recorded');
      requireIds(admission);
      if (hasLimits(admission) || !book.isFree(admission.principal)) return await limited(admission);
      return unasked(admission, { at: now(), headers: {}, lease: null });
    },
    settle: async ({ callId, earlier = null, principal, at, isAwaited, granted, lease }, outcome) => {
      if (lease && principal.limits.tpm !== undefined) leases.settle(lease, granted, tokensOf(outcome));
      const { userId, keyId } = principal;
      await recorder.record({ ...outcome, callId, earlier, at, userId, keyId }, { isAwaited });
    },
    close: async () => {
      book.stop();
      await recorder.close(closeMs);
      await leases.close();
    },
  };
}

/** A call that costs no round trip. */
function unasked(
  { callId, earlier = null, principal, worst: granted }: Admission,
  { at, headers, lease }: Pick<Admitted, 'at' | 'headers'> & { lease: MinuteLease | null },
): Admitted {
  return { callId, earlier, principal, granted, lease, isReserved: false, isAwaited: false, at, headers };
}

function tokensOf({ usage }: CallOutcome): number {
  return usage.input + usage.output;
}

/** As far as this process knows: what other processes took since it asked is not in it. */
function leftIn({ rpmLeft, tpmLeft, requests, tokens, endsAt }: MinuteLease): MinuteLeft {
  return {
    rpmLeft: rpmLeft === null ? null : rpmLeft + requests,
    tpmLeft: tpmLeft === null ? null : tpmLeft + tokens,
    minuteSeconds: Math.max(Math.ceil((endsAt - performance.now()) / 1_000), 0),
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
