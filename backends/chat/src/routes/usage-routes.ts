import type { Hono } from 'hono';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { MoneyServices } from '../money-services.ts';
import { getCurrentBillingRoute } from './get-current-billing.ts';
import { getCurrentUsageRoute } from './get-current-usage.ts';
import { getMonthlyReportRoute } from './get-monthly-report.ts';
import { getUsageHistoryRoute } from './get-usage-history.ts';
import { getUsageLimitsRoute } from './get-usage-limits.ts';
import { getUserBudgetRoute } from './get-user-budget.ts';
import { logUsageRoute } from './log-usage.ts';
import { removeUserBudgetRoute } from './remove-user-budget.ts';
import { setUserBudgetRoute } from './set-user-budget.ts';

/** What calls used and cost, and what may be spent. */
export function usageRoutes(app: Hono<ServiceEnv>, money: MoneyServices): void {
  getCurrentUsageRoute(app, money);
  getUsageHistoryRoute(app, money);
  getUsageLimitsRoute(app, money);
  getCurrentBillingRoute(app, money);
  getMonthlyReportRoute(app, money);
  logUsageRoute(app);
  getUserBudgetRoute(app, money);
  setUserBudgetRoute(app, money);
  removeUserBudgetRoute(app, money);
}
