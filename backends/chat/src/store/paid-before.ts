import * as z from 'zod';
import type { Query } from '#shared/db/connect.ts';
import type { UsageEvent } from '../money/metering-store.ts';

const PaidSchema = z.array(z.object({ call_id: z.string() })).transform((rows) => rows.map((row) => row.call_id));

/**
 * The calls that repeat one which was completed and charged before its process died and the answer was lost. Asks only
 * where there are repetitions, which is after a crash.
 */
export async function paidBefore(query: Query, events: readonly UsageEvent[]): Promise<ReadonlySet<string>> {
  const repeated = events.flatMap(({ callId, userId, costMicros, earlier }) =>
    earlier && costMicros > 0 ? [{ call_id: callId, user_id: userId, since: earlier.since, ids: earlier.ids }] : [],
  );
  if (repeated.length === 0) return new Set();
  const now = new Set(events.filter(({ status }) => status === 'completed').map(({ callId }) => callId));
  const together = repeated.filter(({ ids }) => ids.some((id) => now.has(id))).map((event) => event.call_id);
  // Admission times of callers without limits are by the clock of their process.
  const rows = await query(
    `select r.call_id from jsonb_to_recordset($1::jsonb)
      as r (call_id uuid, user_id uuid, since timestamptz, ids uuid[])
    where exists (
      select from usage_events u
      where u.user_id = r.user_id and u.at >= r.since - interval '5 minutes' and u.call_id = any(r.ids) and u.status = 0
    )`,
    [JSON.stringify(repeated)],
  );
  return new Set([...together, ...PaidSchema.parse(rows)]);
}
