import type { Hono } from 'hono';
import { getUsageLimits as contract } from '#shared/contracts/chat-usage.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeBudget } from '../money/budget-state.ts';
import { usageSubject } from '../money/usage-report.ts';
import type { MoneyServices } from '../money-services.ts';

export function getUsageLimitsRoute(app: Hono<ServiceEnv>, { limits }: MoneyServices): void {
  mount(app, contract, async ({ c, query }) => {
    const caller = userOf(c);
    const subject = usageSubject(caller, query.user_id);
    const [minute, budgets] = await Promise.all([limits.minute(caller), limits.budgets(subject)]);
    const { rpm = null, tpm = null, concurrency = null } = caller.limits;
    return c.json({
      user_id: subject.userId,
      key_id: caller.keyId,
      limits: { rpm, tpm, concurrency },
      used: {
        requests_this_minute: minute.requests,
        tokens_this_minute: minute.tokens,
        running: minute.running,
        minute_resets_in_seconds: minute.resetsInSeconds,
      },
      budgets: budgets.map(describeBudget),
    });
  });
}
