import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { Contract } from '#shared/contracts/contract.ts';
import type { Query } from '#shared/db/connect.ts';
import type { CallOutcome } from '../money/metering.ts';
import { createMeteringStore } from '../store/metering-store.ts';
import { outcomeOf } from './metered.ts';

type Rows = (text: string, values?: unknown[]) => Promise<unknown[]>;
type Used = Partial<CallOutcome> & { at?: Date; keyId?: string | null };

/** Puts a call on record as the metering does. It used 10 tokens of input, 4 of them cached, and 5 of output. */
export async function recordUse(query: Query, userId: string, cost: number, used: Used = {}): Promise<void> {
  const { at = new Date(), keyId = null, ...outcome } = used;
  const usage = { input: 10, cachedInput: 4, output: 5 };
  const event = { ...outcomeOf(cost), usage, ...outcome, at, keyId, userId, callId: randomUUID() };
  await createMeteringStore({ query, leaseSeconds: 60 }).record([event]);
}

export async function storeUser(rows: Rows, id: string): Promise<void> {
  await rows('insert into users (id, email) values ($1, $2)', [id, `${id}@x.test`]);
}

export async function storeKey(rows: Rows, userId: string, name: string, limits: object = {}): Promise<string> {
  const id = randomUUID();
  await rows('insert into api_keys (id, user_id, key_hash, name, limits) values ($1, $2, $3, $4, $5)', [
    id,
    userId,
    id,
    name,
    JSON.stringify(limits),
  ]);
  return id;
}

/** What usage tells of that many such calls. */
export function totalsOf(calls: number, costMicros: number, other = {}): object {
  return {
    calls,
    failed_calls: 0,
    cancelled_calls: 0,
    input_tokens: 10 * calls,
    cached_input_tokens: 4 * calls,
    output_tokens: 5 * calls,
    total_tokens: 15 * calls,
    cost_micros: costMicros,
    cost_usd: costMicros / 1_000_000,
    ...other,
  };
}

/** The answer, which must be what the contract says and successful. */
export function okBody({ answers }: Pick<Contract, 'answers'>, answer: { status: number; body: unknown }) {
  if (answer.status !== 200 || !answers[200]?.schema) throw new Error(`not 200: ${JSON.stringify(answer)}`);
  return z.record(z.string(), z.unknown()).parse(answers[200].schema.parse(answer.body));
}
