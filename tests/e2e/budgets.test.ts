import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { createTestIdentity } from '../support/assertions.ts';
import { startChatProcess } from '../support/chat-process.ts';
import { startChatStack, type Caller, type ChatStack, type Sent } from '../support/chat-stack.ts';
import { createGate } from '../support/vendor-script.ts';
import { claude, gpt, said } from '../support/vendor-stack.ts';

const path = '/v1/chat/completions';
const maxTokens = 100;
const request = { model: gpt, messages: said, max_tokens: maxTokens, stream: false };
/** As long as the plain one but for a byte, so that all are held back the same. */
const streamed = { ...request, stream: true };
const Money = z.object({ spent: z.coerce.number(), events: z.coerce.number(), held: z.coerce.number() });
const Held = z.object({ micros: z.coerce.number() });

let chat: ChatStack;
/** What one request holds back, in micro-dollars. */
let worst: number;
beforeAll(async () => {
  chat = await startChatStack({ PROVIDER_RETRIES: '0' });
  worst = await heldFor(streamed);
});
afterAll(async () => await chat.stop());
beforeEach(() => {
  chat.openai.requests.length = 0;
});

describe('200 calls at once on a budget with room for ten', () => {
  it.each<[string, () => Promise<{ payers: Caller[]; subject: 'key' | 'user' }>]>([
    ['of a key', async () => ({ payers: [await chat.caller({ budget: roomForTen() })], subject: 'key' })],
    ['of a user with two keys', async () => ({ payers: await userWithBudget(), subject: 'user' })],
  ])('%s: ten are made, the others refused, and nothing is overspent', async (_whose, given) => {
    const { payers, subject } = await given();
    const [payer = never()] = payers;
    const gate = createGate();
    chat.openai.always({ before: gate.opened, usage: dearest });
    const answers: Promise<Sent>[] = Array.from({ length: 200 }, async (_, index) => {
      const { key } = payers[index % payers.length] ?? payer;
      return await chat.post(path, index % 4 < 2 ? request : streamed, { key });
    });
    const refusals: Sent[] = [];
    for (const answer of answers) void answer.then((sent) => sent.status === 429 && refusals.push(sent), ignore);
    await vi.waitUntil(() => refusals.length === 190, { timeout: 15_000 });
    gate.open();
    const all = await Promise.all(answers);
    expect(all.filter(({ status }) => status === 200)).toHaveLength(10);
    for (const { status, text } of all.filter(({ status }) => status !== 200)) {
      expect([status, JSON.parse(text)]).toMatchObject([429, { code: 'budget_exceeded' }]);
    }
    expect(chat.openai.requests).toHaveLength(10);
    await vi.waitFor(async () => expect(await moneyOf(subject, payer)).toMatchObject({ events: 10, held: 0 }));
    const { spent } = await moneyOf(subject, payer);
    expect(spent).toBe(10 * costOfDearest());
    expect(spent).toBeLessThanOrEqual(Math.floor(roomForTen().usd * 1_000_000));
  });

  it('over two processes: the same', { timeout: 60_000 }, async () => {
    const identity = await createTestIdentity();
    const env = {
      DATABASE_URL: chat.stack.applicationUrl,
      OPENAI_API_KEY: chat.openai.apiKey,
      OPENAI_BASE_URL: `${chat.openai.url}/v1`,
    };
    const processes = await Promise.all([startChatProcess(identity, env), startChatProcess(identity, env)]);
    try {
      const { userId, keyId } = await chat.caller({ budget: roomForTen() });
      const principal = { kind: 'user', userId, keyId, scopes: ['chat:write'], limits: {} } as const;
      const gate = createGate();
      chat.openai.always({ before: gate.opened, usage: dearest });
      let refused = 0;
      const answers = Array.from({ length: 200 }, async (_, index) => {
        const answer = await processes[index % 2]?.post({ ...principal, scopes: ['chat:write'] }, path, request);
        if (answer?.status === 429) refused += 1;
        await answer?.text();
        return answer?.status;
      });
      await vi.waitUntil(() => refused === 190, { timeout: 15_000 });
      gate.open();
      expect((await Promise.all(answers)).filter((status) => status === 200)).toHaveLength(10);
      expect(chat.openai.requests).toHaveLength(10);
    } finally {
      await Promise.all(processes.map(async ({ child }) => await child.stop('SIGTERM')));
    }
  });
});

describe('a budget', () => {
  it('that is used up refuses for good, and one that is only held says when to come again', async () => {
    const caller = await chat.caller({ budget: { usd: (worst * 1.5) / 1_000_000, window: 'day' } });
    const gate = createGate();
    chat.openai.always({ before: gate.opened, usage: dearest });
    const first = chat.post(path, request, caller);
    await chat.openai.received(1);
    const held = await chat.post(path, request, caller);
    expect(held.status).toBe(429);
    expect(held.headers.get('retry-after')).toBe('1');
    expect(held.headers.get('x-should-retry')).toBeNull();
    gate.open();
    expect((await first).status).toBe(200);
    await vi.waitFor(async () => expect(await moneyOf('key', caller)).toMatchObject({ held: 0 }));
    for (const body of [request, streamed]) {
      const spent = await chat.post(path, body, caller);
      expect(spent.status).toBe(429);
      expect(spent.headers.get('x-should-retry')).toBe('false');
      expect(spent.headers.get('content-type')).toContain('application/problem+json');
      expect(JSON.parse(spent.text)).toMatchObject({
        code: 'budget_exceeded',
        error: { type: 'insufficient_quota', code: 'budget_exceeded' },
      });
    }
    expect(chat.openai.requests).toHaveLength(1);
  });

  it.each([
    ['a stream', true],
    ['a whole answer', false],
  ])('gets back what %s held whose client left, and pays for what came', async (_what, stream) => {
    const caller = await chat.caller({ budget: { usd: (worst * 1.5) / 1_000_000, window: 'total' } });
    const gate = createGate();
    chat.openai.always(stream ? { beforeEvent: (index) => (index > 2 ? gate.opened : undefined) } : { hang: true });
    const client = await chat.open(path, stream ? streamed : request, caller);
    const atVendor = await chat.openai.received(1);
    if (stream) await client.until('Hello');
    client.socket.resetAndDestroy();
    await atVendor.aborted;
    await vi.waitFor(async () => expect(await moneyOf('key', caller)).toMatchObject({ events: 1, held: 0 }));
    const { spent } = await moneyOf('key', caller);
    expect(spent > 0).toBe(stream);
    expect(spent).toBeLessThan(worst);
    expect(await statuses(caller)).toEqual([3]);
    chat.openai.always({ usage: { input: 1, output: 1 } });
    expect((await chat.post(path, request, caller)).status).toBe(200);
    gate.open();
  });

  it.each([
    [gpt, 'max_completion_tokens', 10, () => chat.openai],
    [claude, 'max_tokens', 15, () => chat.anthropic],
  ])('chooses the most that it affords of %s for who names no maximum', async (model, field, perToken, vendor) => {
    const micros = 30_000;
    const caller = await chat.caller({ budget: { usd: micros / 1_000_000, window: 'total' } });
    vendor().always({});
    vendor().requests.length = 0;
    expect((await chat.post(path, { model, messages: said, stream: true }, caller)).status).toBe(200);
    const most = z.looseObject({ [field]: z.int() }).parse(vendor().requests[0]?.body)[field] ?? never();
    expect(most * perToken).toBeLessThanOrEqual(micros);
    expect(most * perToken).toBeGreaterThan(micros * 0.9);
    const free = await chat.caller();
    await chat.post(path, { model: gpt, messages: said }, free);
    expect(chat.openai.requests.at(-1)?.body).not.toHaveProperty('max_completion_tokens');
    expect(chat.openai.requests.at(-1)?.body).not.toHaveProperty('max_tokens');
  });
});

/** A vendor's report that makes a call cost what was held for it, or very nearly. */
const dearest = { input: JSON.stringify(request).length, output: maxTokens };

/** By the prices of gpt-4o: 2.50 and 10 dollars a million. */
function costOfDearest(): number {
  return Math.ceil(dearest.input * 2.5 + dearest.output * 10);
}

function roomForTen(): { usd: number; window: 'month' } {
  return { usd: (worst * 10.5) / 1_000_000, window: 'month' };
}

async function heldFor(body: object): Promise<number> {
  const caller = await chat.caller({ budget: { usd: 100, window: 'total' } });
  const gate = createGate();
  chat.openai.next({ before: gate.opened });
  const answer = chat.post(path, body, caller);
  await chat.openai.received(1);
  const [held] = await chat.rows(Held, 'select micros from reservations where key_id = $1', [caller.keyId]);
  gate.open();
  await answer;
  return held?.micros ?? never();
}

async function userWithBudget(): Promise<Caller[]> {
  const first = await chat.caller();
  const second = await chat.caller();
  await chat.rows(z.unknown(), 'update api_keys set user_id = $1 where id = $2', [first.userId, second.keyId]);
  const answer = await fetch(`${chat.url}/api/v0.2/usage/budgets/users/${first.userId}`, {
    method: 'PUT',
    headers: { 'x-api-key': chat.stack.key, 'content-type': 'application/json' },
    body: JSON.stringify(roomForTen()),
  });
  expect(answer.status).toBe(200);
  return [first, { ...second, userId: first.userId }];
}

async function moneyOf(subject: 'key' | 'user', { keyId, userId }: Caller): Promise<z.infer<typeof Money>> {
  const id = subject === 'key' ? keyId : userId;
  const [money] = await chat.rows(
    Money,
    `select coalesce(sum(w.spent_micros), 0) as spent,
       (select count(*) from usage_events where ${subject}_id = $1) as events,
       (select count(*) from reservations where ${subject}_id = $1) as held
     from budget_windows w where w.subject_kind = '${subject}' and w.subject_id = $1`,
    [id],
  );
  return money ?? never();
}

async function statuses({ keyId }: Caller): Promise<number[]> {
  const rows = await chat.rows(z.object({ status: z.number() }), 'select status from usage_events where key_id = $1', [
    keyId,
  ]);
  return rows.map(({ status }) => status);
}

function ignore(): void {
  // Whoever waits for the answer sees it.
}

function never(): never {
  throw new Error('there is always one');
}
