import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { startChatStack, type Caller, type ChatStack, type Sending, type Sent } from '../support/chat-stack.ts';
import type { OpenRequest } from '../support/raw-http.ts';
import { createGate } from '../support/vendor-script.ts';
import { claude, gpt, said } from '../support/vendor-stack.ts';
import type { FakeVendor } from '../support/vendor-server.ts';

let chat: ChatStack;
let answers = 0;
/** Every call to the vendor gets words of its own. */
const unique = {
  get text() {
    answers += 1;
    return ['answer ', String(answers)];
  },
};
beforeAll(async () => {
  chat = await startChatStack({ PROVIDER_RETRIES: '0', CRASH_LEASE_SECONDS: '1', DATABASE_POOL_SIZE: '30' });
});
afterAll(async () => await chat.stop());
beforeEach(() => {
  for (const vendor of [chat.openai, chat.anthropic]) {
    vendor.requests.length = 0;
    vendor.always(unique);
  }
});

type Wish = { path: string; body: Record<string, unknown>; vendor?: 'openai' | 'anthropic' };

const chatCompletion: Wish = { path: '/v1/chat/completions', body: { model: gpt, messages: said } };
const gaiaChat: Wish = { path: '/api/v0.2/chat', body: { message: 'hello', model: gpt, conversation_id: 'new' } };
const wishes: [string, Wish][] = [
  ['a completion', chatCompletion],
  ['a streamed completion', streamed(chatCompletion)],
  ['a message', message()],
  ['a streamed message', streamed(message())],
  ['a response', { path: '/v1/responses', body: { model: gpt, input: 'hello' } }],
  ['a streamed response', streamed({ path: '/v1/responses', body: { model: gpt, input: 'hello' } })],
  ['an embedding', { path: '/v1/embeddings', body: { model: 'text-embedding-3-small', input: 'hello' } }],
  ['a chat', gaiaChat],
  ['a streamed chat', streamed(gaiaChat)],
  ['a chat in events', { path: '/api/v0.2/chat/stream', body: gaiaChat.body }],
];

describe('50 identical requests at once', () => {
  it.each(wishes)('for %s are one call, one charge and the same bytes', async (_what, wish) => {
    const caller = await chat.caller({ budget: { usd: 1, window: 'day' } });
    const gate = createGate();
    vendorOf(wish).next({ text: unique.text, before: gate.opened });
    const sending = Array.from({ length: 50 }, async () => await send(wish, caller, 'one'));
    await vendorOf(wish).received(1);
    await vi.waitUntil(async () => await isAwaited());
    gate.open();
    const all = await Promise.all(sending);
    expect(new Set(all.map(({ status }) => status))).toEqual(new Set([200]));
    expect(new Set(all.map(({ text }) => text)).size).toBe(1);
    expect(all.filter((sent) => isReplay(sent))).toHaveLength(49);
    const type = all[0]?.headers.get('content-type');
    expect(new Set(all.map(({ headers }) => headers.get('content-type')))).toEqual(new Set([type]));
    expect(vendorOf(wish).requests).toHaveLength(1);
    await vi.waitFor(async () => expect(await charges(caller)).toHaveLength(1));
    expect(await stored(caller)).toHaveLength(wish.body['message'] ? 2 : 0);
  });
});

describe('an Idempotency-Key', () => {
  it.each(wishes)('of %s is 422 for another body, and another user’s is another key', async (_what, wish) => {
    const [caller, other] = await Promise.all([chat.caller(), chat.caller()]);
    const key = randomUUID();
    const first = await send(wish, caller, key);
    const changed = { ...wish, body: { ...wish.body, user: 'somebody', metadata: { a: 'b' } } };
    expect((await send(changed, caller, key)).status).toBe(422);
    const theirs = await send(wish, other, key);
    expect([first.status, theirs.status, isReplay(theirs)]).toEqual([200, 200, false]);
    expect(vendorOf(wish).requests).toHaveLength(2);
    expect(isReplay(await send(wish, caller, key))).toBe(true);
    expect(vendorOf(wish).requests).toHaveLength(2);
  });
});

describe('when chat is killed', () => {
  it('while it waits for vendors, the next sending of each request gets the one answer', async () => {
    for (const vendor of [chat.openai, chat.anthropic]) vendor.always({ hang: true });
    const lost = await Promise.all(wishes.map(async ([, wish]) => await beginning(wish)));
    await Promise.all([chat.openai.received(8), chat.anthropic.received(2)]);
    await chat.stack.kill('chat');
    for (const vendor of [chat.openai, chat.anthropic]) vendor.always(unique);
    await chat.stack.restart('chat');
    await Promise.all(
      lost.map(async ({ wish, caller, client }) => {
        client.socket.destroy();
        const again = await Promise.all([patiently(wish, caller, 'k'), patiently(wish, caller, 'k')]);
        expect(again.map(({ status }) => status)).toEqual([200, 200]);
        expect(again.filter((sent) => isReplay(sent))).toHaveLength(1);
        expect(new Set(again.map(({ text }) => text)).size).toBe(1);
        await vi.waitFor(async () => expect(await charges(caller)).toHaveLength(1));
        expect(await stored(caller)).toHaveLength(wish.body['message'] ? 2 : 0);
      }),
    );
    expect(chat.openai.requests.length + chat.anthropic.requests.length).toBe(2 * wishes.length);
  });

  it('between the charge for an answer and its keeping, nobody pays twice', async () => {
    const gate = createGate();
    for (const vendor of [chat.openai, chat.anthropic]) vendor.always({ ...unique, before: gate.opened });
    const lost = await Promise.all(wishes.map(async ([, wish]) => await beginning(wish)));
    await Promise.all([chat.openai.received(8), chat.anthropic.received(2)]);
    const lock = await locked();
    gate.open();
    for (const { caller } of lost) {
      await vi.waitFor(async () => expect(await charges(caller)).toHaveLength(1), { timeout: 4_000 });
    }
    await chat.stack.kill('chat');
    await lock.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    await lock.end();
    for (const vendor of [chat.openai, chat.anthropic]) vendor.always(unique);
    await chat.stack.restart('chat');
    await Promise.all(
      lost.map(async ({ wish, caller, client }) => {
        client.socket.destroy();
        const again = await patiently(wish, caller, 'k');
        expect([again.status, isReplay(again)]).toEqual([200, false]);
        expect(await send(wish, caller, 'k')).toMatchObject({ text: again.text });
        await vi.waitFor(async () => expect(await settled(caller)).toBe(true), { timeout: 5_000 });
        const [charge] = await charges(caller);
        expect(await charges(caller)).toEqual([charge]);
        expect(await spent(caller)).toEqual([charge]);
        expect(await stored(caller)).toHaveLength(wish.body['message'] ? 2 : 0);
      }),
    );
  });
});

type Begun = { wish: Wish; caller: Caller; client: OpenRequest };

async function beginning(wish: Wish): Promise<Begun> {
  const caller = await chat.caller({ budget: { usd: 1, window: 'day' } });
  const client = await chat.open(wish.path, wish.body, { ...caller, headers: { 'idempotency-key': 'k' } });
  return { wish, caller, client };
}

function streamed({ path, body, ...rest }: Wish): Wish {
  return { ...rest, path, body: { ...body, stream: true } };
}

function message(): Wish {
  return { path: '/v1/messages', body: { model: claude, max_tokens: 50, messages: said }, vendor: 'anthropic' };
}

function vendorOf({ vendor = 'openai' }: Wish): FakeVendor {
  return chat[vendor];
}

async function send({ path, body }: Wish, caller: Sending, key: string): Promise<Sent> {
  return await chat.post(path, body, { ...caller, headers: { 'idempotency-key': key } });
}

/** As SDKs do, which come again when they are told to: the gateway stays away from a backend that just failed. */
async function patiently(wish: Wish, caller: Sending, key: string): Promise<Sent> {
  for (;;) {
    const sent = await send(wish, caller, key);
    if (![502, 503].includes(sent.status)) return sent;
    await sleep(Number(sent.headers.get('retry-after') ?? 0) * 1_000);
  }
}

function isReplay({ headers }: Sent): boolean {
  return headers.get('idempotency-replayed') === 'true';
}

/** Keeps answers from being kept until the connection ends. */
async function locked(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: chat.stack.databaseUrl });
  await client.connect();
  await client.query('begin');
  await client.query(`select from idempotency_keys where state = 'running' for update`);
  return client;
}

async function isAwaited(): Promise<boolean> {
  return (await chat.rows(z.unknown(), 'select from idempotency_keys where is_awaited')).length > 0;
}

const Cost = z.object({ cost: z.coerce.number() });

async function charges({ userId }: Caller): Promise<number[]> {
  const rows = await chat.rows(
    Cost,
    'select cost_micros as cost from usage_events where user_id = $1 and cost_micros > 0',
    [userId],
  );
  return rows.map(({ cost }) => cost);
}

async function spent({ keyId }: Caller): Promise<number[]> {
  const rows = await chat.rows(Cost, 'select spent_micros as cost from budget_windows where subject_id = $1', [keyId]);
  return rows.map(({ cost }) => cost);
}

/** Whether nothing but the reservation of the killed process is left. */
async function settled({ userId }: Caller): Promise<boolean> {
  const running = await chat.rows(
    z.unknown(),
    `select from reservations r where user_id = $1 and not exists (select from usage_events u where u.at >= r.at)`,
    [userId],
  );
  return running.length === 0;
}

async function stored({ userId }: Caller): Promise<unknown[]> {
  return await chat.rows(z.unknown(), 'select role from chat_messages where user_id = $1', [userId]);
}
