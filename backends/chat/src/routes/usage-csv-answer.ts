import type { Context } from 'hono';
import { AppError } from '#shared/http/error.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { usageCsv } from '../money/usage-csv.ts';
import type { DayRange, UsageReader, UsageSubject } from '../money/usage-report.ts';

const mostRows = 100_000;

export function wantsCsv(c: Context<ServiceEnv>, format: 'json' | 'csv' | undefined): boolean {
  if (format !== undefined) return format === 'csv';
  const accept = c.req.header('accept') ?? '';
  const accepted = new Set(accept.split(',').map((type) => type.split(';')[0]?.trim().toLowerCase()));
  return accepted.has('text/csv') && !accepted.has('application/json');
}

export async function sendUsageCsv(
  c: Context<ServiceEnv>,
  usage: UsageReader,
  subject: UsageSubject,
  range: DayRange,
): Promise<Response> {
  const rows = await usage.rows(subject, range, mostRows);
  if (rows.length > mostRows) {
    throw new AppError('validation_failed', `These are more than ${mostRows} rows: ask for fewer days at a time`);
  }
  return c.body(usageCsv(rows), 200, {
    'content-type': 'text/csv; charset=utf-8; header=present',
    'content-disposition': `attachment; filename="usage-${range.from}-${range.to}.csv"`,
  });
}
