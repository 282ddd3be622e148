import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { startChatStack, type Caller, type ChatStack, type Sending, type Sent } from '../support/chat-stack.ts';
import type { Faults } from '../support/fault-proxy.ts';
import { gpt, said } from '../support/vendor-stack.ts';

const completion = { model: gpt, messages: said, max_tokens: 20 };
const poolSize = 4;

let chat: ChatStack;
let free: Caller;
let budgeted: Caller;
beforeAll(async () => {
  chat = await startChatStack({ DATABASE_POOL_SIZE: String(poolSize), PROVIDER_RETRIES: '0' });
  free = await chat.caller();
  budgeted = await chat.caller({ budget: { usd: 10, window: 'day' } });
});
afterAll(async () => await chat.stop());
afterEach(async () => await chat.databaseProxy.set({}));

const plain = async (who: Sending): Promise<Sent> => await chat.post('/v1/chat/completions', completion, who);
/** What cannot be done without the database. */
const needy: [string, () => Promise<Sent>][] = [
  ['a call with a budget', async () => await plain(budgeted)],
  ['a streamed one', async () => await chat.post('/v1/chat/completions', { ...completion, stream: true }, budgeted)],
  ['an idempotent one', async () => await plain({ ...free, headers: { 'idempotency-key': randomUUID() } })],
  [
    'a conversation',
    async () => await chat.post('/api/v0.2/chat', { model: gpt, message: 'hi', conversation_id: 'new' }, free),
  ],
];

describe('while Postgres', () => {
  it.each<[string, Faults]>([
    ['refuses connections', { state: 'down' }],
    ['resets connections', { state: 'reset' }],
    ['is frozen', { state: 'timeout' }],
  ])(
    '%s, what needs it is 503, everything else goes on, and all is well within 2 s of its return',
    async (_what, fault) => {
      await allIsWell();
      const lone = await chat.caller();
      expect((await plain(lone)).status).toBe(200);
      await chat.databaseProxy.set(fault);
      const refused = await Promise.all(needy.map(async ([, send]) => await send()));
      for (const { status, headers, text } of refused) {
        expect([status, JSON.parse(text)]).toMatchObject([503, { code: 'unavailable' }]);
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      }
      expect(await readiness()).toBe(503);
      const startedAt = performance.now();
      const going = await Promise.all([1, 2, 3].map(async () => await plain(lone)));
      going.push(await chat.post('/v1/chat/completions', { ...completion, stream: true }, lone));
      expect(going.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
      expect(going.at(-1)?.text).toMatch(/data: \[DONE\]\n\n$/);
      expect(performance.now() - startedAt).toBeLessThan(1_000);
      await chat.databaseProxy.set({});
      await allIsWell(2_000);
      await vi.waitFor(async () => expect(await recorded(lone)).toBe(1 + going.length), { timeout: 5_000 });
      expect(await readiness()).toBe(200);
    },
  );

  it('is slow, everything is only slower', async () => {
    await chat.databaseProxy.set({ latencyMs: 200 });
    const answers = await Promise.all(needy.map(async ([, send]) => await send()));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  it('has no connection to spare, nobody waits for ever, and it is over when it is over', async () => {
    await allIsWell();
    const client = new pg.Client({ connectionString: chat.stack.databaseUrl });
    await client.connect();
    await client.query('begin; lock table idempotency_keys in exclusive mode');
    const waiting = Array.from({ length: poolSize }, async () => {
      return await plain({ ...free, headers: { 'idempotency-key': randomUUID() } });
    });
    await vi.waitFor(async () => expect(await blocked()).toBe(poolSize));
    const startedAt = performance.now();
    const late = await plain(budgeted);
    expect([late.status, late.headers.get('retry-after')]).toEqual([503, expect.stringMatching(/^\d+$/)]);
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect((await plain(free)).status).toBe(200);
    await client.end();
    await allIsWell(2_000);
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual(Array.from(waiting, () => 200));
  });

  it('kills all connections again and again, calls are 200 or 503 and nothing is written twice', async () => {
    await allIsWell();
    const [caller, sent] = [await chat.caller({ budget: { usd: 10, window: 'day' } }), new Map<string, number>()];
    const ending = new AbortController();
    const load = Array.from({ length: 6 }, async (_, place) => {
      while (!ending.signal.aborted) {
        const id = randomUUID();
        const headers = { 'x-request-id': id, ...(place % 2 && { 'idempotency-key': id }) };
        sent.set(id, (await plain({ ...caller, headers })).status);
      }
    });
    for (let kill = 0; kill < 10; kill += 1) {
      const target = sent.size + 10;
      await vi.waitUntil(() => sent.size >= target, { timeout: 10_000 });
      await chat.rows(
        z.unknown(),
        `select pg_terminate_backend(pid) from pg_stat_activity where usename <> current_user and datname = current_database()`,
      );
    }
    ending.abort();
    await Promise.all(load);
    expect(Array.from(sent.values()).filter((status) => status !== 200 && status !== 503)).toEqual([]);
    await allIsWell(2_000);
    const done = Array.from(sent).filter(([, status]) => status === 200);
    expect(done.length).toBeGreaterThan(20);
    const Row = z.object({ id: z.string(), count: z.coerce.number() });
    const query = `select request_id as id, count(*) from usage_events where user_id = $1 and status = 0 group by 1`;
    await vi.waitFor(async () => {
      const rows = new Map((await chat.rows(Row, query, [caller.userId])).map(({ id, count }) => [id, count]));
      expect(done.filter(([id]) => rows.get(id) !== 1)).toEqual([]);
    });
    const Sums = z.object({ spent: z.coerce.number(), sum: z.coerce.number() });
    const sums = `select spent_micros as spent, (select sum(cost_micros) from usage_events where key_id = $1) as sum
      from budget_windows where subject_id = $1`;
    const [books] = await chat.rows(Sums, sums, [caller.keyId]);
    expect(books?.spent).toBe(books?.sum);
  });
});

describe('all this time', () => {
  it('no process has ended', () => expect(chat.deaths).toEqual([]));
});

describe('when Postgres is away at the start', () => {
  it('chat starts, says that it is not ready, and recovers by itself within 10 s', async () => {
    await chat.stack.kill('chat');
    await chat.databaseProxy.set({ state: 'down' });
    await chat.stack.restart('chat');
    expect(await readiness()).toBe(503);
    await vi.waitFor(async () => expect((await plain(budgeted)).status).toBe(503));
    expect(JSON.parse((await plain(budgeted)).text)).toMatchObject({ code: 'unavailable' });
    await chat.databaseProxy.set({});
    const backAt = performance.now();
    await vi.waitUntil(async () => (await readiness()) === 200, { timeout: 10_000 });
    await allIsWell(10_000 - (performance.now() - backAt));
  });
});

/** Everything that needs the database works, within this time. */
async function allIsWell(timeout = 10_000): Promise<void> {
  await vi.waitFor(async () => expect((await plain(budgeted)).status).toBe(200), { timeout, interval: 50 });
  const answers = await Promise.all([plain(free), ...needy.map(async ([, send]) => await send())]);
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
}

async function readiness(): Promise<number> {
  return (await fetch(`${chat.stack.urls.chat}/ready`)).status;
}

async function recorded({ userId }: Caller): Promise<number> {
  const Count = z.object({ count: z.coerce.number() });
  const [row] = await chat.rows(Count, 'select count(*) from usage_events where user_id = $1', [userId]);
  return row?.count ?? 0;
}

async function blocked(): Promise<number> {
  return (
    await chat.rows(
      z.unknown(),
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
  ).length;
}
