import type * as z from 'zod';
import type { UsageReport, UsageTotals } from '#shared/contracts/chat-usage.ts';
import { AppError } from '#shared/http/error.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Micros } from '#shared/prices/money.ts';

/** Whose usage may be read: made by `usageSubject` only. */
export type UsageSubject = { userId: string };

export type Totals = {
  calls: number;
  failedCalls: number;
  cancelledCalls: number;
  inputTokens: number;
  cachedInputTokens: number;
  outputTokens: number;
  costMicros: Micros;
};

/** Days of UTC as YYYY-MM-DD, both of them counted. */
export type DayRange = { from: string; to: string };

export type UsageSummary = {
  totals: Totals;
  /** Days on which nothing was used are not among them. */
  byDay: (Totals & { day: string })[];
  /** The dearest first, as the next two. */
  byProvider: (Totals & { provider: string })[];
  byModel: (Totals & { provider: string; model: string })[];
  byKey: (Totals & { keyId: string | null; keyName: string | null })[];
};

/** As fine as it is kept. */
export type UsageRow = Totals & {
  day: string;
  operation: string;
  provider: string;
  model: string;
  keyId: string | null;
  keyName: string | null;
};

export type UsageReader = {
  summary: (subject: UsageSubject, range: DayRange) => Promise<UsageSummary>;
  /** Oldest first, and one more than `limit` where there are more. */
  rows: (subject: UsageSubject, range: DayRange, limit: number) => Promise<UsageRow[]>;
};

/** Everybody reads their own; admins may name somebody else. */
export function usageSubject(principal: UserPrincipal, userId: string | undefined): UsageSubject {
  const isOwn = userId === undefined || userId.toLowerCase() === principal.userId.toLowerCase();
  if (!isOwn && !principal.scopes.includes('admin')) {
    throw new AppError('insufficient_scope', 'Only admins may read what others used');
  }
  return { userId: userId?.toLowerCase() ?? principal.userId };
}

export function lastDays(count: number, today: Date): DayRange {
  const first = new Date(today);
  first.setUTCDate(first.getUTCDate() - count + 1);
  return { from: dayOf(first), to: dayOf(today) };
}

/** All days of a month given as YYYY-MM. */
export function monthRange(month: string): DayRange {
  const last = new Date(`${month}-01T00:00:00Z`);
  last.setUTCMonth(last.getUTCMonth() + 1, 0);
  return { from: `${month}-01`, to: dayOf(last) };
}

export function monthOf(moment: Date): string {
  return moment.toISOString().slice(0, 7);
}

export function dayOf(moment: Date): string {
  return moment.toISOString().slice(0, 10);
}

export function describeReport(
  { userId }: UsageSubject,
  range: DayRange,
  summary: UsageSummary,
): z.infer<typeof UsageReport> {
  const byDay = new Map(summary.byDay.map((totals) => [totals.day, totals]));
  return {
    user_id: userId,
    ...range,
    totals: describeTotals(summary.totals),
    by_day: daysOf(range).map((day) => ({ day, ...describeTotals(byDay.get(day) ?? nothing) })),
    ...describeBreakdown(summary),
  };
}

export function describeBreakdown({ byProvider, byModel, byKey }: UsageSummary) {
  return {
    by_provider: byProvider.map(({ provider, ...totals }) => ({ provider, ...describeTotals(totals) })),
    by_model: byModel.map(({ provider, model, ...totals }) => ({ provider, model, ...describeTotals(totals) })),
    by_key: byKey.map(({ keyId, keyName, ...totals }) => ({
      key_id: keyId,
      key_name: keyName,
      ...describeTotals(totals),
    })),
  };
}

export function describeTotals(totals: Totals): z.infer<typeof UsageTotals> {
  return {
    calls: totals.calls,
    failed_calls: totals.failedCalls,
    cancelled_calls: totals.cancelledCalls,
    input_tokens: totals.inputTokens,
    cached_input_tokens: totals.cachedInputTokens,
    output_tokens: totals.outputTokens,
    total_tokens: totals.inputTokens + totals.outputTokens,
    cost_micros: totals.costMicros,
    cost_usd: totals.costMicros / 1_000_000,
  };
}

export const nothing: Totals = {
  calls: 0,
  failedCalls: 0,
  cancelledCalls: 0,
  inputTokens: 0,
  cachedInputTokens: 0,
  outputTokens: 0,
  costMicros: 0,
};

function daysOf({ from, to }: DayRange): string[] {
  const days: string[] = [];
  for (const day = new Date(`${from}T00:00:00Z`); dayOf(day) <= to; day.setUTCDate(day.getUTCDate() + 1)) {
    days.push(dayOf(day));
  }
  return days;
}
