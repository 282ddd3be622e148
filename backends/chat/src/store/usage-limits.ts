import { sql } from 'drizzle-orm';
import * as z from 'zod';
import type { Database } from '#shared/db/connect.ts';
import type { LimitReader } from '../money/budget-state.ts';

const count = z.coerce.number();

const BudgetsSchema = z.array(
  z
    .object({
      kind: z.enum(['key', 'user']),
      id: z.string(),
      name: z.string().nullable(),
      period: z.enum(['day', 'month', 'total']),
      limit_micros: count,
      spent_micros: count,
      reserved_micros: count,
      resets_at: z.coerce.date().nullable(),
    })
    .transform(({ limit_micros, spent_micros, reserved_micros, resets_at, ...same }) => ({
      ...same,
      limitMicros: limit_micros,
      spentMicros: spent_micros,
      reservedMicros: reserved_micros,
      resetsAt: resets_at,
    })),
);

const MinuteSchema = z.tuple([z.object({ requests: count, tokens: count, running: count, resets_in: z.int() })]);

/** Read from the same rows that admissions add up, so the figures are those that decide. */
export function createLimitReader(db: Database): LimitReader {
  return {
    budgets: async ({ userId }) => {
      const { rows } = await db.execute(sql`
        select g.subject_kind as kind, g.subject_id as id, k.name, g.period, g.limit_micros,
          (
            select coalesce(sum(d.cost_micros), 0) from usage_days d
            where d.user_id = ${userId} and (g.subject_kind = 'user' or d.key_id = g.subject_id)
              and d.day >= (s.starts_at at time zone 'UTC')::date
          ) as spent_micros,
          (
            select coalesce(sum(r.micros), 0) from reservations r
            where r.user_id = ${userId} and (g.subject_kind = 'user' or r.key_id = g.subject_id)
              and r.expires_at > now() and r.at >= s.starts_at
          ) as reserved_micros,
          case g.period when 'day' then s.starts_at + interval '24 hours'
            when 'month' then (s.starts_at at time zone 'UTC' + interval '1 month') at time zone 'UTC' end as resets_at
        from budgets g
        cross join lateral (select budget_starts_at(g.period, now()) as starts_at) s
        left join api_keys k on g.subject_kind = 'key' and k.id = g.subject_id
        where g.limit_micros is not null and (
          (g.subject_kind = 'user' and g.subject_id = ${userId})
          or (g.subject_kind = 'key' and g.subject_id in (
            select id from api_keys where user_id = ${userId} and revoked_at is null
          ))
        )
        order by g.subject_kind desc, k.name, g.subject_id`);
      return BudgetsSchema.parse(rows);
    },
    minute: async ({ userId, keyId }) => {
      const { rows } = await db.execute(sql`
        select coalesce(max(m.requests), 0) as requests, coalesce(max(m.tokens), 0) as tokens,
          (
            select count(*) from reservations r
            where r.user_id = ${userId} and r.key_id is not distinct from ${keyId}::uuid and r.expires_at > now()
          ) as running,
          ceil(extract(epoch from date_trunc('minute', now(), 'UTC') + interval '1 minute' - now()))::integer as resets_in
        from minute_counters m
        where m.minute = date_trunc('minute', now(), 'UTC') and m.subject_id = ${keyId ?? userId}`);
      const [{ resets_in: resetsInSeconds, ...used }] = MinuteSchema.parse(rows);
      return { ...used, resetsInSeconds };
    },
  };
}
