import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { createTestDatabase, queryRows, type TestDatabase } from '../../../../tests/support/postgres.ts';
import { admissionOf, caller, outcomeOf, startMeteredProcess, type MeteredProcess } from '../testing/metered.ts';
import type { CallOutcome, EarlierCalls } from './metering.ts';

let database: TestDatabase;
let metering: MeteredProcess;
beforeAll(async () => {
  database = await createTestDatabase();
  metering = startMeteredProcess({ url: database.url });
});
afterAll(async () => {
  await metering.close();
  await database.drop();
});

const Rows = z.array(z.object({ cost: z.coerce.number() }));
const since = new Date(Date.now() - 1_000);

describe('a call that repeats one whose process died', () => {
  it('costs nothing where that one was charged for its whole answer, and is on record all the same', async () => {
    const me = caller();
    const first = await paid(me, 70);
    const second = await paid(me, 80, { earlier: { ids: [first], since } });
    await paid(me, 90, { earlier: { ids: [first, second], since } });
    expect(await costs(me)).toEqual([0, 0, 70]);
    const [day] = await queryRows(database.url, 'select calls, cost_micros from usage_days where user_id = $1', [
      me.userId,
    ]);
    expect(day).toEqual({ calls: '3', cost_micros: '70' });
  });

  it('also where both are written down together', async () => {
    const me = caller();
    const [one, two] = [randomUUID(), randomUUID()];
    await Promise.all([paid(me, 70, { id: one }), paid(me, 80, { id: two, earlier: { ids: [one], since } })]);
    expect(await costs(me)).toEqual([0, 70]);
  });

  it.each<CallOutcome['status']>(['failed', 'broken', 'cancelled'])(
    'is charged where that one was %s, as a new attempt always is',
    async (status) => {
      const me = caller();
      const first = await paid(me, 70, { status });
      await paid(me, 80, { earlier: { ids: [first], since } });
      expect(await costs(me)).toEqual([70, 80]);
    },
  );

  it('is charged where that one was never written down, was somebody else’s, or is older than the request', async () => {
    const [me, other] = [caller(), caller()];
    const theirs = await paid(other, 70);
    await paid(me, 80, { earlier: { ids: [randomUUID(), theirs], since } });
    const old = await paid(me, 90);
    await paid(me, 100, { earlier: { ids: [old], since: new Date(Date.now() + 3_600_000) } });
    expect(await costs(me)).toEqual([80, 90, 100]);
  });
});

type Paid = { id?: string; earlier?: EarlierCalls; status?: CallOutcome['status'] };

async function paid(who: ReturnType<typeof caller>, cost: number, { id, earlier, ...outcome }: Paid = {}) {
  const callId = id ?? randomUUID();
  const admitted = await metering.admit({ ...admissionOf(who), callId, earlier: earlier ?? null });
  await metering.settle(admitted, outcomeOf(cost, 1, outcome));
  return callId;
}

async function costs({ userId }: ReturnType<typeof caller>): Promise<number[]> {
  const text = 'select cost_micros as cost from usage_events where user_id = $1 order by cost_micros';
  return Rows.parse(await queryRows(database.url, text, [userId])).map(({ cost }) => cost);
}
