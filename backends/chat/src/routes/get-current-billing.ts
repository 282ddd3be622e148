import type { Hono } from 'hono';
import { getCurrentBilling as contract } from '#shared/contracts/chat-usage.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeBudget } from '../money/budget-state.ts';
import { describeBreakdown, monthOf, monthRange, usageSubject } from '../money/usage-report.ts';
import type { MoneyServices } from '../money-services.ts';

export function getCurrentBillingRoute(app: Hono<ServiceEnv>, { usage, limits }: MoneyServices): void {
  mount(app, contract, async ({ c, query }) => {
    const subject = usageSubject(userOf(c), query.user_id);
    const month = monthOf(new Date());
    const [summary, budgets] = await Promise.all([usage.summary(subject, monthRange(month)), limits.budgets(subject)]);
    return c.json({
      user_id: subject.userId,
      month,
      status: 'open',
      currency: 'USD',
      total_micros: summary.totals.costMicros,
      total_usd: summary.totals.costMicros / 1_000_000,
      charges: describeBreakdown(summary).by_model,
      budgets: budgets.map(describeBudget),
    });
  });
}
