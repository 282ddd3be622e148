import type { Hono } from 'hono';
import { getUsageHistory as contract } from '#shared/contracts/chat-usage.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeReport, lastDays, usageSubject } from '../money/usage-report.ts';
import type { MoneyServices } from '../money-services.ts';
import { sendUsageCsv, wantsCsv } from './usage-csv-answer.ts';

export function getUsageHistoryRoute(app: Hono<ServiceEnv>, { usage }: MoneyServices): void {
  mount(app, contract, async ({ c, query: { days, ...query } }) => {
    const subject = usageSubject(userOf(c), query.user_id);
    const range = lastDays(days, new Date());
    if (wantsCsv(c, query.format)) return await sendUsageCsv(c, usage, subject, range);
    return c.json({ days, ...describeReport(subject, range, await usage.summary(subject, range)) });
  });
}
