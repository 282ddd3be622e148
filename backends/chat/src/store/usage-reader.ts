import { sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '#shared/db/connect.ts';
import { nothing, type Totals, type UsageReader } from '../money/usage-report.ts';

const count = z.coerce.number();
const totalsShape = {
  calls: count,
  failed_calls: count,
  cancelled_calls: count,
  input_tokens: count,
  cached_input_tokens: count,
  output_tokens: count,
  cost_micros: count,
};
const text = z.string().nullable();
const SummarySchema = z.array(
  z.object({
    grouping: z.enum(['all', 'day', 'provider', 'model', 'key']),
    day: text,
    provider: text,
    model: text,
    key_id: text,
    key_name: text,
    ...totalsShape,
  }),
);
const RowsSchema = z.array(
  z.object({
    day: z.string(),
    operation: z.string(),
    provider: z.string(),
    model: z.string(),
    key_id: text,
    key_name: text,
    ...totalsShape,
  }),
);

const sums = sql`
  coalesce(sum(d.calls), 0) as calls, coalesce(sum(d.failed_calls), 0) as failed_calls,
  coalesce(sum(d.cancelled_calls), 0) as cancelled_calls, coalesce(sum(d.input_tokens), 0) as input_tokens,
  coalesce(sum(d.cached_input_tokens), 0) as cached_input_tokens, coalesce(sum(d.output_tokens), 0) as output_tokens,
  coalesce(sum(d.cost_micros), 0) as cost_micros`;

export function createUsageReader(db: Database): UsageReader {
  return {
    summary: async ({ userId }, { from, to }) => {
      const { rows } = await db.execute(sql`
        select s.*, k.name as key_name from (
          select case grouping(d.day, d.provider, d.model, d.key_id)
              when 15 then 'all' when 7 then 'day' when 11 then 'provider' when 9 then 'model' else 'key' end as grouping,
            d.day::text as day, d.provider, d.model, d.key_id, ${sums}
          from usage_days d where d.user_id = ${userId} and d.day between ${from} and ${to}
          group by grouping sets ((), (d.day), (d.provider), (d.provider, d.model), (d.key_id))
        ) s
        left join api_keys k on k.id = s.key_id and k.user_id = ${userId}
        order by s.cost_micros desc, s.provider, s.model, s.key_id`);
      return summaryOf(SummarySchema.parse(rows));
    },
    rows: async ({ userId }, { from, to }, limit) => {
      const { rows } = await db.execute(sql`
        select d.*, d.day::text as day, k.name as key_name
        from usage_days d left join api_keys k on k.id = d.key_id and k.user_id = d.user_id
        where d.user_id = ${userId} and d.day between ${from} and ${to}
        order by d.day, d.operation, d.provider, d.model, d.key_id nulls first limit ${limit + 1}`);
      return RowsSchema.parse(rows).map((row) => ({
        day: row.day,
        operation: row.operation,
        provider: row.provider,
        model: row.model,
        keyId: row.key_id,
        keyName: row.key_name,
        ...totalsOf(row),
      }));
    },
  };
}

function summaryOf(rows: z.infer<typeof SummarySchema>): Awaited<ReturnType<UsageReader['summary']>> {
  const of = (grouping: (typeof rows)[number]['grouping']) => rows.filter((row) => row.grouping === grouping);
  const [all] = of('all');
  return {
    totals: all ? totalsOf(all) : nothing,
    byDay: of('day').map((row) => ({ day: row.day ?? '', ...totalsOf(row) })),
    byProvider: of('provider').map((row) => ({ provider: row.provider ?? '', ...totalsOf(row) })),
    byModel: of('model').map((row) => ({ provider: row.provider ?? '', model: row.model ?? '', ...totalsOf(row) })),
    byKey: of('key').map((row) => ({ keyId: row.key_id, keyName: row.key_name, ...totalsOf(row) })),
  };
}

function totalsOf(row: z.infer<z.ZodObject<typeof totalsShape>>): Totals {
  return {
    calls: row.calls,
    failedCalls: row.failed_calls,
    cancelledCalls: row.cancelled_calls,
    inputTokens: row.input_tokens,
    cachedInputTokens: row.cached_input_tokens,
    outputTokens: row.output_tokens,
    costMicros: row.cost_micros,
  };
}
