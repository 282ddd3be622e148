import { AppError, type ErrorCode } from '#shared/http/error.ts';

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
  /** Median until the first byte of the last answers. */
  responseTimeMs: number | null;
};

/** How real requests went, in this process, since it started. */
export type ProviderHealthBook = {
  succeeded: (provider: string, model: string, responseTimeMs: number) => void;
  /** Errors that are the caller's own fault say nothing about a provider and are not counted. */
  failed: (provider: string, error: unknown) => void;
  cancelled: (provider: string) => void;
  of: (provider: string) => ProviderHealth;
  responseTimeOf: (provider: string, model: string) => number | null;
};

const unhealthyAfter = 3;
const keptTimes = 50;
const providerFailures = new Set<ErrorCode>(['rate_limited', 'upstream_failed', 'upstream_timeout', 'unavailable']);

type Counts = Omit<ProviderHealth, 'status' | 'responseTimeMs'>;
type Entry = { counts: Counts; times: number[]; timesByModel: Map<string, number[]> };

export function createProviderHealthBook(now: () => Date = () => new Date()): ProviderHealthBook {
  const entries = new Map<string, Entry>();
  const entryOf = (provider: string): Entry => {
    const entry = entries.get(provider) ?? newEntry();
    entries.set(provider, entry);
    return entry;
  };
  return {
    succeeded: (provider, model, responseTimeMs) => recordSuccess(entryOf(provider), model, responseTimeMs, now()),
    failed: (provider, error) => recordFailure(entryOf(provider), error, now()),
    cancelled: (provider) => {
      entryOf(provider).counts.cancelled += 1;
    },
    of: (provider) => healthOf(entries.get(provider) ?? newEntry()),
    responseTimeOf: (provider, model) => median(entries.get(provider)?.timesByModel.get(model) ?? []),
  };
}

/** The worst that is known; a provider that was never asked says nothing. */
export function overallStatus(statuses: readonly ProviderStatus[]): ProviderStatus {
  const known = statuses.filter((status) => status !== 'unknown');
  if (known.length === 0) return 'unknown';
  if (known.every((status) => status === 'healthy')) return 'healthy';
  return known.every((status) => status === 'unhealthy') ? 'unhealthy' : 'degraded';
}

function newEntry(): Entry {
  const counts: Counts = {
    requests: 0,
    failures: 0,
    cancelled: 0,
    consecutiveFailures: 0,
    lastSuccessAt: null,
    lastFailureAt: null,
    lastFailureCode: null,
  };
  return { counts, times: [], timesByModel: new Map() };
}

function recordSuccess({ counts, times, timesByModel }: Entry, model: string, responseTimeMs: number, at: Date): void {
  counts.requests += 1;
  counts.consecutiveFailures = 0;
  counts.lastSuccessAt = at.toISOString();
  keep(times, responseTimeMs);
  const timesOfModel = timesByModel.get(model) ?? [];
  timesByModel.set(model, timesOfModel);
  keep(timesOfModel, responseTimeMs);
}

function recordFailure({ counts }: Entry, error: unknown, at: Date): void {
  const code = error instanceof AppError ? error.code : 'upstream_failed';
  if (!providerFailures.has(code)) return;
  counts.requests += 1;
  counts.failures += 1;
  counts.consecutiveFailures += 1;
  counts.lastFailureAt = at.toISOString();
  counts.lastFailureCode = code;
}

function keep(times: number[], time: number): void {
  times.push(time);
  if (times.length > keptTimes) times.shift();
}

function healthOf({ counts, times }: Entry): ProviderHealth {
  return { status: statusOf(counts), ...counts, responseTimeMs: median(times) };
}

function statusOf({ requests, consecutiveFailures }: Counts): ProviderStatus {
  if (requests === 0) return 'unknown';
  if (consecutiveFailures === 0) return 'healthy';
  return consecutiveFailures < unhealthyAfter ? 'degraded' : 'unhealthy';
}

function median(times: readonly number[]): number | null {
  const middle = [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];
  return middle === undefined ? null : Math.round(middle * 10) / 10;
}
