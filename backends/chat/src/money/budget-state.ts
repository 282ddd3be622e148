import type * as z from 'zod';
import type { BudgetState as BudgetAnswer } from '#shared/contracts/chat-usage.ts';
import { AppError } from '#shared/http/error.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Micros } from '#shared/prices/money.ts';
import type { UsageSubject } from './usage-report.ts';

/** Where a budget stands. */
export type BudgetState = {
  kind: 'key' | 'user';
  id: string;
  /** Of the key. */
  name: string | null;
  period: 'day' | 'month' | 'total';
  limitMicros: Micros;
  spentMicros: Micros;
  reservedMicros: Micros;
  /** Null: never. */
  resetsAt: Date | null;
};

export type MinuteState = { requests: number; tokens: number; running: number; resetsInSeconds: number };

export type LimitReader = {
  /** Of the user, and of the user's keys that were not revoked. */
  budgets: (subject: UsageSubject) => Promise<BudgetState[]>;
  minute: (caller: Pick<UserPrincipal, 'userId' | 'keyId'>) => Promise<MinuteState>;
};

/** Who sets a budget, for the audit log. */
export type BudgetActor = {
  userId: string;
  keyId: string | null;
  sessionId: string | null;
  requestId: string;
  address: string | null;
};

export type UserBudgets = {
  /** False: there is no such user. */
  set: (actor: BudgetActor, userId: string, budget: Pick<BudgetState, 'period' | 'limitMicros'>) => Promise<boolean>;
  remove: (actor: BudgetActor, userId: string) => Promise<void>;
};

/** What an admin sees of a user's own budget. */
export async function userBudget(reader: LimitReader, userId: string): Promise<BudgetState> {
  const own = (await reader.budgets({ userId })).find(({ kind }) => kind === 'user');
  if (!own) throw budgetNotFound();
  return own;
}

export function budgetNotFound(): AppError {
  return new AppError('not_found', 'There is no such user, or the user has no budget');
}

export function describeBudget(budget: BudgetState): z.infer<typeof BudgetAnswer> {
  const { kind, id, name, period, limitMicros, spentMicros, reservedMicros, resetsAt } = budget;
  const remaining = Math.max(limitMicros - spentMicros - reservedMicros, 0);
  return {
    subject: kind,
    id,
    name,
    window: period,
    limit_micros: limitMicros,
    limit_usd: limitMicros / 1_000_000,
    spent_micros: spentMicros,
    spent_usd: spentMicros / 1_000_000,
    reserved_micros: reservedMicros,
    reserved_usd: reservedMicros / 1_000_000,
    remaining_micros: remaining,
    remaining_usd: remaining / 1_000_000,
    resets_at: resetsAt?.toISOString() ?? null,
  };
}
