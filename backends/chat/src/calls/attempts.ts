import { setTimeout as sleep } from 'node:timers/promises';
import { AppError, type ErrorCode } from '#shared/http/error.ts';
import { circuitOpen, type Breakers } from './breakers.ts';
import type { Target } from './call.ts';

export type RetryLimits = {
  /** How often the same model is asked again. */
  retries: number;
  /** Where the vendor names no time. Doubles with every retry; half of it is chance. */
  retryDelayMs: number;
  /** A vendor that wants a longer pause than this is not waited for. */
  maxRetryDelayMs: number;
};

export type AttemptWatcher = {
  /** Before each attempt. */
  attempting?: (target: Target) => void;
  /** `next` is what is asked then: the same model again, another one, or nothing. */
  failed?: (target: Target, error: AppError, next: Target | null) => void;
};

export type AttemptsOptions = {
  limits: RetryLimits;
  breakers: Breakers;
  /** Ends everything: the client left, or time is up. */
  signal: AbortSignal;
  watcher: AttemptWatcher;
  /** How long a target may still take. One whose time would be over before the pause is not asked again. */
  timeLeftMs?: (target: Target) => number;
  random?: () => number;
  wait?: (ms: number, value: undefined, options: { signal: AbortSignal }) => Promise<unknown>;
};

export type Answered<T> = { target: Target; value: T };

const worthAnotherTry = new Set<ErrorCode>(['rate_limited', 'upstream_failed', 'upstream_timeout', 'unavailable']);

/**
 * Asks the targets in order until one answers. A provider that fails is asked again after a pause, then the next one
 * is. Only for as long as nothing was sent to the caller; an error that is the caller's own ends it at once.
 */
export async function firstAnswer<T>(
  options: AttemptsOptions,
  targets: readonly Target[],
  attempt: (target: Target) => Promise<T>,
): Promise<Answered<T>> {
  let lastError: AppError | undefined;
  for (const [index, target] of targets.entries()) {
    const result = await attemptsAt(options, target, targets[index + 1] ?? null, attempt);
    if ('value' in result) return { target, value: result.value };
    lastError = result.error;
  }
  throw lastError ?? new AppError('unavailable', 'No provider can answer this');
}

async function attemptsAt<T>(
  options: AttemptsOptions,
  target: Target,
  after: Target | null,
  attempt: (target: Target) => Promise<T>,
): Promise<{ value: T } | { error: AppError }> {
  const { breakers, watcher, signal } = options;
  for (let tries = 0; ; tries += 1) {
    if (!breakers.allows(target)) return { error: circuitOpen(target) };
    watcher.attempting?.(target);
    try {
      return { value: await attempt(target) };
    } catch (cause) {
      tellBreaker(options, target, cause);
      if (signal.aborted) throw cause;
      const error = asAppError(cause);
      const isOurs = !worthAnotherTry.has(error.code);
      const delayMs = isOurs ? null : pauseBefore(options, tries, { target, error });
      const next = delayMs === null ? after : target;
      watcher.failed?.(target, error, isOurs ? null : next);
      if (isOurs) throw error;
      if (delayMs === null) return { error };
      await pause(options, delayMs);
    }
  }
}

/** How long to wait before the same provider is asked again; null: not again. */
function pauseBefore(
  { limits, timeLeftMs = unlimited, random = Math.random }: AttemptsOptions,
  tries: number,
  { target, error }: { target: Target; error: AppError },
): number | null {
  if (tries >= limits.retries || error.options.isPermanent) return null;
  const wanted = (error.options.retryAfterSeconds ?? 0) * 1_000;
  if (wanted > limits.maxRetryDelayMs) return null;
  const backoff = Math.min(limits.retryDelayMs * 2 ** tries, limits.maxRetryDelayMs);
  const delayMs = wanted + backoff * (0.5 + random() / 2);
  return delayMs < timeLeftMs(target) ? delayMs : null;
}

function unlimited(): number {
  return Infinity;
}

/** A client that left says nothing of the provider; a call that took too long does. */
function tellBreaker({ breakers, signal }: AttemptsOptions, target: Target, cause: unknown): void {
  const isOutOfTime = signal.reason instanceof AppError && signal.reason.code === 'upstream_timeout';
  if (signal.aborted && !isOutOfTime) breakers.released(target);
  else breakers.failed(target, signal.aborted ? signal.reason : cause);
}

async function pause({ signal, wait = sleep }: AttemptsOptions, ms: number): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => {
    throw asAppError(signal.reason);
  });
}

function asAppError(cause: unknown): AppError {
  return cause instanceof AppError
    ? cause
    : new AppError('upstream_failed', 'The provider failed to answer', { cause, sideEffectPossible: true });
}
