import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '#shared/http/error.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';
import { errorCodeOf } from '../performance/measured-call.ts';
import type { ProviderHealthBook } from './provider-health.ts';

export type HealthCheck = {
  provider: string;
  /** `unsupported`: there is nobody to ask. */
  outcome: 'reachable' | 'failed' | 'unsupported';
  errorCode: ErrorCode | null;
  responseTimeMs: number | null;
};

export type HealthCheckRound = { checks: readonly HealthCheck[]; checkedAt: string };

export type HealthChecks = {
  /** Asks all providers at once, unless that was done just now: then the same answers again. Never rejects. */
  run: () => Promise<HealthCheckRound>;
};

export type HealthChecksOptions = {
  providers: readonly ChatProvider[];
  book: Pick<ProviderHealthBook, 'checked'>;
  now?: () => number;
  deadlineMs?: number;
  /** However many callers ask, vendors are asked no more often than this. */
  everyMs?: number;
};

export function createHealthChecks(options: HealthChecksOptions): HealthChecks {
  const { providers, book, now = Date.now, deadlineMs = 5_000, everyMs = 30_000 } = options;
  let round: { startedAt: number; answer: Promise<HealthCheckRound> } | undefined;
  const ask = async (): Promise<HealthCheckRound> => {
    const checks = await Promise.all(providers.map(async (provider) => await check(provider, deadlineMs)));
    for (const { provider, outcome, errorCode } of checks) {
      if (outcome !== 'unsupported') book.checked(provider, errorCode);
    }
    return { checks, checkedAt: new Date(now()).toISOString() };
  };
  return {
    run: async () => {
      if (!round || now() - round.startedAt >= everyMs) round = { startedAt: now(), answer: ask() };
      return await round.answer;
    },
  };
}

async function check(provider: ChatProvider, deadlineMs: number): Promise<HealthCheck> {
  const { id, check: question } = provider;
  if (!question) return { provider: id, outcome: 'unsupported', errorCode: null, responseTimeMs: null };
  const startedAt = performance.now();
  const errorCode = await failureOf(question, deadlineMs);
  const responseTimeMs = Math.round((performance.now() - startedAt) * 10) / 10;
  return { provider: id, outcome: errorCode === null ? 'reachable' : 'failed', errorCode, responseTimeMs };
}

/** A provider that does not listen to its signal must not hold up the others. */
async function failureOf(
  question: (signal: AbortSignal) => Promise<void>,
  deadlineMs: number,
): Promise<ErrorCode | null> {
  const asking = new AbortController();
  const waiting = new AbortController();
  const late = sleep(deadlineMs, 'late', { signal: waiting.signal }).catch(() => 'early');
  try {
    const first = await Promise.race([question(asking.signal), late]);
    return first === 'late' ? 'upstream_timeout' : null;
  } catch (error) {
    return errorCodeOf(error) ?? 'upstream_failed';
  } finally {
    waiting.abort();
    asking.abort();
  }
}
