import { AppError, type AppErrorOptions } from '#shared/http/error.ts';
import type { Micros } from '#shared/prices/money.ts';
import type { AdmissionAnswer, AdmissionRequest, Budget } from './metering-store.ts';

export type MinuteLeft = Pick<AdmissionAnswer, 'rpmLeft' | 'tpmLeft' | 'minuteSeconds'>;

/**
 * Where a caller stands in its minute, for the lists that the edge puts its own policies in front of. The edge counts
 * all requests of a key as `rpm`; here only calls to models count, by UTC minutes.
 */
export function rateLimitHeaders(request: AdmissionRequest, answer: MinuteLeft): Record<string, string> {
  const { rpm, tpm } = request.limits;
  const requests = rpm === undefined ? null : listed('rpm-chat', rpm, answer.rpmLeft, answer);
  const tokens = tpm === undefined ? null : listed('tpm', tpm, answer.tpmLeft, answer);
  if (!requests || !tokens) return requests ?? tokens ?? {};
  return {
    'ratelimit-policy': `${requests['ratelimit-policy']}, ${tokens['ratelimit-policy']}`,
    ratelimit: `${requests.ratelimit}, ${tokens.ratelimit}`,
  };
}

type LimitHeaders = { 'ratelimit-policy': string; ratelimit: string };

function listed(name: string, limit: number, left: number | null, { minuteSeconds }: MinuteLeft): LimitHeaders {
  return {
    'ratelimit-policy': `"${name}";q=${limit};w=60`,
    ratelimit: `"${name}";r=${left ?? 0};t=${minuteSeconds}`,
  };
}

/** Why a call is refused, for the caller. */
export function refusalError(request: AdmissionRequest, answer: AdmissionAnswer): AppError {
  const { limits, least } = request;
  const subject = request.keyId === null ? 'session' : 'key';
  switch (answer.refusal) {
    case 'rpm':
      return rateLimited(request, answer, `This ${subject} may make ${limits.rpm} calls a minute`);
    case 'tpm':
      return rateLimited(
        request,
        answer,
        `This ${subject} may use ${limits.tpm} tokens a minute, of which ${answer.tpmLeft} are left; this request may need ${least.tokens}`,
        { isHopeless: least.tokens > (limits.tpm ?? Infinity) },
      );
    case 'concurrency':
      return rateLimited(request, answer, `This ${subject} may make ${limits.concurrency} calls at once`);
    case 'held':
      return budgetExceeded(answer, 'is held back by calls that still run; please try again when one of them is over');
    case 'budget':
      return budgetExceeded(answer, 'has not enough left for this request', { 'x-should-retry': 'false' });
    case null:
      throw new Error('an admitted call was not refused');
  }
  return answer.refusal satisfies never;
}

function rateLimited(
  request: AdmissionRequest,
  answer: AdmissionAnswer,
  detail: string,
  { isHopeless = false } = {},
): AppError {
  const headers = { ...rateLimitHeaders(request, answer), ...(isHopeless && { 'x-should-retry': 'false' }) };
  return new AppError('rate_limited', detail, { headers, retryAfterSeconds: answer.waitSeconds ?? 1 });
}

function budgetExceeded({ budget, waitSeconds }: AdmissionAnswer, what: string, headers = {}): AppError {
  const options: AppErrorOptions = { headers, ...(waitSeconds !== null && { retryAfterSeconds: waitSeconds }) };
  return new AppError('budget_exceeded', `The budget of this ${nameOf(budget)} ${what}`, options);
}

const windows = { day: 'a day (UTC)', month: 'a month (UTC)', total: 'in total' } as const;

function nameOf(budget: Budget | null): string {
  if (!budget) return 'key or user';
  return `${budget.kind}, ${dollars(budget.limitMicros)} ${windows[budget.period]},`;
}

/** `5.00 USD`, `0.000001 USD`: at least cents, and every micro-dollar there is. */
export function dollars(micros: Micros): string {
  return `${(micros / 1_000_000).toFixed(6).replace(/(\.\d\d\d*?)0+$/, '$1')} USD`;
}
