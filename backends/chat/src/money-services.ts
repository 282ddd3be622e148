import type { Database } from '#shared/db/connect.ts';
import type { LimitReader, UserBudgets } from './money/budget-state.ts';
import type { UsageReader } from './money/usage-report.ts';
import { createUserBudgets } from './store/budget-repository.ts';
import { createLimitReader } from './store/usage-limits.ts';
import { createUsageReader } from './store/usage-reader.ts';

export type MoneyServices = { usage: UsageReader; limits: LimitReader; userBudgets: UserBudgets };

/** What tells what was used and what may be spent. */
export function createMoneyServices(db: Database): MoneyServices {
  return { usage: createUsageReader(db), limits: createLimitReader(db), userBudgets: createUserBudgets(db) };
}
