import type { Hono } from 'hono';
import { getMonthlyReport as contract } from '#shared/contracts/chat-usage.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeReport, monthOf, monthRange, usageSubject } from '../money/usage-report.ts';
import type { MoneyServices } from '../money-services.ts';
import { sendUsageCsv, wantsCsv } from './usage-csv-answer.ts';

export function getMonthlyReportRoute(app: Hono<ServiceEnv>, { usage }: MoneyServices): void {
  mount(app, contract, async ({ c, query }) => {
    const subject = usageSubject(userOf(c), query.user_id);
    const thisMonth = monthOf(new Date());
    const month = query.month ?? thisMonth;
    const range = monthRange(month);
    if (wantsCsv(c, query.format)) return await sendUsageCsv(c, usage, subject, range);
    const status = month < thisMonth ? 'closed' : 'open';
    return c.json({ month, status, ...describeReport(subject, range, await usage.summary(subject, range)) });
  });
}
