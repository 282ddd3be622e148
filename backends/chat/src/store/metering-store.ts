import * as z from 'zod';
import type { Query } from '#shared/db/connect.ts';
import type { CallStatus } from '../money/metering.ts';
import type { AdmissionAnswer, AdmissionRequest, MeteringStore, UsageEvent } from '../money/metering-store.ts';
import { paidBefore } from './paid-before.ts';

const count = z.coerce.number();

const AnswerSchema = z
  .object({
    admitted_at: z.coerce.date(),
    refusal: z.enum(['rpm', 'tpm', 'concurrency', 'held', 'budget']).nullable(),
    wait_seconds: z.int().nullable(),
    granted_micros: count,
    granted_tokens: count,
    rpm_left: z.int().nullable(),
    tpm_left: count.nullable(),
    minute_seconds: z.int(),
    is_reserved: z.boolean(),
    is_budgeted: z.boolean(),
    budget_kind: z.enum(['key', 'user']).nullable(),
    budget_period: z.enum(['day', 'month', 'total']).nullable(),
    budget_limit_micros: count.nullable(),
    leased_requests: z.int().nullish(),
    leased_tokens: count.nullish(),
    unleased_requests: z.int().nullish(),
    unleased_tokens: count.nullish(),
  })
  .transform((row): AdmissionAnswer => ({
    at: row.admitted_at,
    refusal: row.refusal,
    waitSeconds: row.wait_seconds,
    granted: { micros: row.granted_micros, tokens: row.granted_tokens },
    rpmLeft: row.rpm_left,
    tpmLeft: row.tpm_left,
    minuteSeconds: row.minute_seconds,
    isReserved: row.is_reserved,
    isBudgeted: row.is_budgeted,
    ahead: row.leased_requests || row.leased_tokens ? leasedIn(row) : null,
    budget:
      row.budget_kind === null || row.budget_period === null || row.budget_limit_micros === null
        ? null
        : { kind: row.budget_kind, period: row.budget_period, limitMicros: row.budget_limit_micros },
  }));

type Leased = Partial<
  Record<'leased_requests' | 'leased_tokens' | 'unleased_requests' | 'unleased_tokens', number | null | undefined>
>;

function leasedIn(row: Leased): AdmissionAnswer['ahead'] {
  return {
    requests: row.leased_requests ?? 0,
    tokens: row.leased_tokens ?? 0,
    rpmLeft: row.unleased_requests ?? null,
    tpmLeft: row.unleased_tokens ?? null,
  };
}

const AnswersSchema = z.array(AnswerSchema);

export type MeteringStoreOptions = {
  query: Query;
  /** How long something is held back at most: longer than any call can take. */
  leaseSeconds: number;
};

const admit = 'select * from admit_calls($1::jsonb, $2)';

const admitAndLease = `
  select a.*, l.* from admit_calls($1::jsonb, $2) with ordinality a
  cross join lateral lease_minute(
    case when a.refusal is null and not a.is_budgeted then $1::jsonb -> (a.ordinality - 1)::integer end, a.admitted_at
  ) l
  order by a.ordinality`;

export function createMeteringStore({ query, leaseSeconds }: MeteringStoreOptions): MeteringStore {
  return {
    admit: async (requests) => {
      const calls = JSON.stringify(requests.map(callOf));
      const admission = requests.some(({ ahead }) => ahead) ? admitAndLease : admit;
      return AnswersSchema.parse(await query(admission, [calls, leaseSeconds]));
    },
    record: async (events) => {
      const paid = await paidBefore(query, events);
      const rows = events.map((event) => rowOf(paid.has(event.callId) ? { ...event, costMicros: 0 } : event));
      await query('select record_calls($1::jsonb)', [JSON.stringify(rows)]);
    },
    giveBack: async (returned) => {
      const rows = returned.map(({ userId, subjectId, minute, requests, tokens }) => ({
        user_id: userId,
        subject_id: subjectId,
        minute,
        requests,
        tokens,
      }));
      await query('select return_minutes($1::jsonb)', [JSON.stringify(rows)]);
    },
  };
}

function callOf({ callId, userId, keyId, limits, worst, least, ahead }: AdmissionRequest): object {
  return {
    call_id: callId,
    user_id: userId,
    key_id: keyId,
    worst_micros: worst.micros,
    least_micros: least.micros,
    worst_tokens: worst.tokens,
    least_tokens: least.tokens,
    rpm: limits.rpm,
    tpm: limits.tpm,
    concurrency: limits.concurrency,
    ...(ahead && { ahead_requests: ahead.requests, ahead_tokens: ahead.tokens }),
  };
}

/** As usage_events has them; 4 is for calls that were lost. */
const statusNumbers = { completed: 0, failed: 1, broken: 2, cancelled: 3 } as const satisfies Record<
  CallStatus,
  number
>;

function rowOf({ usage, ...event }: UsageEvent): object {
  return {
    at: event.at,
    call_id: event.callId,
    user_id: event.userId,
    key_id: event.keyId,
    cost_micros: event.costMicros,
    input_tokens: integer(usage.input),
    cached_input_tokens: integer(usage.cachedInput),
    cache_write_tokens: integer((usage.cacheWrite ?? 0) + (usage.cacheWriteLong ?? 0)),
    output_tokens: integer(usage.output),
    price_version: integer(event.priceVersion),
    duration_ms: integer(event.durationMs),
    first_byte_ms: event.firstByteMs === null ? null : integer(event.firstByteMs),
    status: statusNumbers[event.status],
    is_estimated: event.isEstimated,
    is_fallback: event.isFallback,
    operation: event.operation,
    provider: event.provider,
    model: event.model,
    error_code: event.errorCode,
    request_id: event.requestId,
  };
}

/** What a column of four bytes holds of it: a vendor that counts nonsense must not keep a call from being recorded. */
function integer(value: number): number {
  return Number.isFinite(value) ? Math.min(Math.max(Math.round(value), 0), 2_147_483_647) : 0;
}
