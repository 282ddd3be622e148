import { AppError, type ErrorCode } from '#shared/http/error.ts';

/** The parts of a request that are timed one by one. */
export const stages = ['admission', 'persona', 'conversation', 'provider_first_byte', 'provider_total'] as const;
export type Stage = (typeof stages)[number];

export type Outcome = 'completed' | 'failed' | 'cancelled';

/** How one call of a model went. Times in milliseconds; null or absent where nothing was measured. */
export type MeasuredCall = {
  provider: string;
  /** As its provider calls it. */
  model: string;
  outcome: Outcome;
  /** Of a failure; null where it was no AppError. */
  errorCode: ErrorCode | null;
  firstByteMs: number | null;
  totalMs: number | null;
  stages?: Partial<Record<Stage, number>>;
};

const providerFailures = new Set<ErrorCode>(['rate_limited', 'upstream_failed', 'upstream_timeout', 'unavailable']);

/** Errors that are the caller's own fault say nothing about a provider. */
export function isAboutProvider({ outcome, errorCode }: Pick<MeasuredCall, 'outcome' | 'errorCode'>): boolean {
  return outcome !== 'failed' || errorCode === null || providerFailures.has(errorCode);
}

/** One attempt of a call, from what was seen of it. What is no AppError has no code. */
export function measuredAttempt(attempt: Attempt): MeasuredCall {
  const { provider, model, outcome, firstByteMs, totalMs } = attempt;
  const stages = { ...attempt.stages, provider_total: totalMs };
  if (firstByteMs !== null) stages.provider_first_byte = firstByteMs;
  return { provider, model, outcome, errorCode: errorCodeOf(attempt.error), firstByteMs, totalMs, stages };
}

export function errorCodeOf(error: unknown): ErrorCode | null {
  return error instanceof AppError ? error.code : null;
}

type Attempt = Pick<MeasuredCall, 'provider' | 'model' | 'outcome' | 'firstByteMs' | 'stages'> & {
  error: unknown;
  totalMs: number;
};
