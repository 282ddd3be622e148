import type { ErrorCode } from '#shared/http/error.ts';
import { isAboutProvider, type MeasuredCall } from '../performance/measured-call.ts';
import { createPerformanceBook, type PerformanceBook } from '../performance/performance-book.ts';

export type ProviderStatus = 'unknown' | 'healthy' | 'degraded' | 'unhealthy';

export type ProviderHealth = {
  status: ProviderStatus;
  requests: number;
  failures: number;
  cancelled: number;
  consecutiveFailures: number;
  lastSuccessAt: string | null;
  lastFailureAt: string | null;
  lastFailureCode: ErrorCode | null;
  /** When the provider was last asked whether it is there, and what for an error that gave. */
  lastCheckAt: string | null;
  lastCheckCode: ErrorCode | null;
  /** Median until the first byte of the last answers. */
  responseTimeMs: number | null;
};

/** How real requests went, in this process, since it started or since the last reset. */
export type ProviderHealthBook = PerformanceBook & {
  /** The provider was asked whether it is there; `errorCode` null: it is. */
  checked: (provider: string, errorCode: ErrorCode | null) => void;
  of: (provider: string) => ProviderHealth;
};

const unhealthyAfter = 3;

type Counts = {
  requests: number;
  failures: number;
  cancelled: number;
  consecutiveFailures: number;
  /** Milliseconds of the epoch; 0 for never. */
  lastSuccessAt: number;
  lastFailureAt: number;
  lastFailureCode: ErrorCode | null;
  lastCheckAt: number;
  lastCheckCode: ErrorCode | null;
};

export function createProviderHealthBook(now: () => number = Date.now): ProviderHealthBook {
  const counts = new Map<string, Counts>();
  const performance = createPerformanceBook(now);
  const countsOf = (provider: string): Counts => {
    const known = counts.get(provider);
    if (known) return known;
    const fresh = noCounts();
    counts.set(provider, fresh);
    return fresh;
  };
  const record = (call: MeasuredCall): void => {
    if (!isAboutProvider(call)) return;
    performance.record(call);
    count(countsOf(call.provider), call, now());
  };
  return {
    ...performance,
    record,
    checked: (provider, errorCode) => {
      const entry = countsOf(provider);
      entry.lastCheckAt = now();
      entry.lastCheckCode = errorCode;
    },
    of: (provider) => {
      const latency = performance.latency((model) => model.provider === provider);
      return healthOf(counts.get(provider) ?? noCounts(), latency?.firstByteMs ?? null);
    },
    reset: () => {
      performance.reset();
      counts.clear();
    },
  };
}

/** The worst that is known; a provider that was never asked says nothing. */
export function overallStatus(statuses: readonly ProviderStatus[]): ProviderStatus {
  const known = statuses.filter((status) => status !== 'unknown');
  if (known.length === 0) return 'unknown';
  if (known.every((status) => status === 'healthy')) return 'healthy';
  return known.every((status) => status === 'unhealthy') ? 'unhealthy' : 'degraded';
}

function noCounts(): Counts {
  return {
    requests: 0,
    failures: 0,
    cancelled: 0,
    consecutiveFailures: 0,
    lastSuccessAt: 0,
    lastFailureAt: 0,
    lastFailureCode: null,
    lastCheckAt: 0,
    lastCheckCode: null,
  };
}

function count(counts: Counts, { outcome, errorCode }: MeasuredCall, at: number): void {
  if (outcome === 'cancelled') {
    counts.cancelled += 1;
    return;
  }
  counts.requests += 1;
  if (outcome === 'completed') {
    counts.consecutiveFailures = 0;
    counts.lastSuccessAt = at;
    return;
  }
  counts.failures += 1;
  counts.consecutiveFailures += 1;
  counts.lastFailureAt = at;
  counts.lastFailureCode = errorCode ?? 'upstream_failed';
}

function healthOf(counts: Counts, responseTimeMs: number | null): ProviderHealth {
  return {
    ...counts,
    status: statusOf(counts),
    lastSuccessAt: isoTime(counts.lastSuccessAt),
    lastFailureAt: isoTime(counts.lastFailureAt),
    lastCheckAt: isoTime(counts.lastCheckAt),
    responseTimeMs,
  };
}

/** A question that failed outweighs older requests; one that went well does not excuse requests that fail. */
function statusOf(counts: Counts): ProviderStatus {
  const { requests, consecutiveFailures, lastCheckAt, lastCheckCode } = counts;
  const isCheckNews = lastCheckAt > Math.max(counts.lastSuccessAt, counts.lastFailureAt);
  if (isCheckNews && lastCheckCode !== null) return 'unhealthy';
  if (requests === 0) return isCheckNews ? 'healthy' : 'unknown';
  if (consecutiveFailures === 0) return 'healthy';
  if (isCheckNews) return 'degraded';
  return consecutiveFailures < unhealthyAfter ? 'degraded' : 'unhealthy';
}

function isoTime(at: number): string | null {
  return at === 0 ? null : new Date(at).toISOString();
}
