import { AppError, type ErrorCode } from '#shared/http/error.ts';
import type { Target } from './call.ts';

type Breaker = { failures: number; openUntil: number; isProbing: boolean };

/** One breaker for each model of each provider: a model that is down says nothing of the others. */
export type Breakers = {
  /** Whether the model may be asked now. While it recovers, one call at a time finds out. */
  allows: (target: Target) => boolean;
  succeeded: (target: Target) => void;
  failed: (target: Target, error: unknown) => void;
  /** The call ended without saying anything about the provider. */
  released: (target: Target) => void;
};

const opensAfter = 5;
const opensForMs = 10_000;
/** Model names come from callers. The oldest is forgotten, and starts again closed. */
const most = 1_000;

const providerFailures = new Set<ErrorCode>(['upstream_failed', 'upstream_timeout', 'unavailable']);

export function createBreakers(now: () => number = () => performance.now()): Breakers {
  const breakers = new Map<string, Breaker>();
  return {
    allows: (target) => {
      const breaker = breakers.get(keyOf(target));
      if (!breaker || breaker.openUntil === 0) return true;
      if (now() < breaker.openUntil || breaker.isProbing) return false;
      breaker.isProbing = true;
      return true;
    },
    succeeded: (target) => void breakers.delete(keyOf(target)),
    failed: (target, error) => {
      const breaker = breakers.get(keyOf(target)) ?? { failures: 0, openUntil: 0, isProbing: false };
      breaker.isProbing = false;
      if (!isProviderFailure(error)) return;
      breaker.failures += 1;
      if (breaker.failures >= opensAfter) breaker.openUntil = now() + opensForMs;
      remember(breakers, keyOf(target), breaker);
    },
    released: (target) => {
      const breaker = breakers.get(keyOf(target));
      if (breaker) breaker.isProbing = false;
    },
  };
}

export function circuitOpen({ provider, model }: Target): AppError {
  return new AppError('unavailable', `${provider.name} failed to answer for ${model} several times in a row`, {
    retryAfterSeconds: opensForMs / 1_000,
  });
}

function isProviderFailure(error: unknown): boolean {
  return !(error instanceof AppError) || providerFailures.has(error.code);
}

function keyOf({ provider, model }: Target): string {
  return `${provider.id}/${model}`;
}

function remember(breakers: Map<string, Breaker>, key: string, breaker: Breaker): void {
  breakers.delete(key);
  breakers.set(key, breaker);
  const [oldest] = breakers.keys();
  if (breakers.size > most && oldest !== undefined) breakers.delete(oldest);
}
