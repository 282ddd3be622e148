import type { Hono } from 'hono';
import { getCurrentUsage as contract } from '#shared/contracts/chat-usage.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeBudget } from '../money/budget-state.ts';
import {
  dayOf,
  describeBreakdown,
  describeTotals,
  monthOf,
  monthRange,
  nothing,
  usageSubject,
} from '../money/usage-report.ts';
import type { MoneyServices } from '../money-services.ts';

export function getCurrentUsageRoute(app: Hono<ServiceEnv>, { usage, limits }: MoneyServices): void {
  mount(app, contract, async ({ c, query }) => {
    const subject = usageSubject(userOf(c), query.user_id);
    const now = new Date();
    const month = monthOf(now);
    const [summary, budgets] = await Promise.all([usage.summary(subject, monthRange(month)), limits.budgets(subject)]);
    const today = summary.byDay.find(({ day }) => day === dayOf(now)) ?? nothing;
    return c.json({
      user_id: subject.userId,
      month,
      today: describeTotals(today),
      this_month: describeTotals(summary.totals),
      ...describeBreakdown(summary),
      budgets: budgets.map(describeBudget),
      timestamp: now.toISOString(),
    });
  });
}
