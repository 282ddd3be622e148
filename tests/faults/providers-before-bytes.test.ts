import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { startChatStack, type ChatStack, type Sent } from '../support/chat-stack.ts';
import type { Faults } from '../support/fault-proxy.ts';
import { createGate, type VendorScript } from '../support/vendor-script.ts';
import { claude, said } from '../support/vendor-stack.ts';

const path = '/v1/chat/completions';
const retries = 1;
/** One for each test, since each model has a breaker of its own. All may fall back. */
const models = ['gpt-4.1', 'gpt-4.1-mini', 'gpt-4.1-nano', 'gpt-4o', 'gpt-4o-mini', 'gpt-4-turbo', 'gpt-4', 'gpt-5'];
const others = ['gpt-5-mini', 'gpt-5-nano', 'gpt-5.1', 'gpt-5.2', 'gpt-5.4', 'gpt-5.4-mini', 'o1', 'o3', 'o3-mini'];
const unused = [...models, ...others];
const alone = 'o4-mini';

let chat: ChatStack;
beforeAll(async () => {
  chat = await startChatStack({
    CHAT_FALLBACKS: JSON.stringify(Object.fromEntries(unused.map((model) => [model, [claude]]))),
    PROVIDER_RETRIES: String(retries),
    PROVIDER_RETRY_DELAY_SECONDS: '0.05',
    PROVIDER_MAX_RETRY_DELAY_SECONDS: '2',
    PROVIDER_FIRST_BYTE_SECONDS: '0.5',
    PROVIDER_CONNECT_SECONDS: '0.5',
    PROVIDER_TOTAL_SECONDS: '4',
  });
});
afterAll(async () => await chat.stop());
beforeEach(() => {
  for (const vendor of [chat.openai, chat.anthropic]) {
    vendor.requests.length = 0;
    vendor.always({});
  }
});
afterEach(async () => await chat.vendorProxy.set({}));

const failing = 'gpt-5-pro';

/** A breaker stays open for ten seconds, so it is opened before all other tests and looked at again after them. */
describe('a breaker', () => {
  it('opens for one model and leaves all others as fast as they were', async () => {
    const before = await slowest(claude);
    await brokenModel();
    expect((await plain(fresh())).status).toBe(200);
    expect((await plain(failing)).status).toBe(503);
    expect(await slowest(claude)).toBeLessThan(before * 3 + 200);
  });

  it('opens for a model that only ever hangs, too', async () => {
    const model = 'o1-pro';
    chat.openai.always({ hang: true });
    const hanging = Array.from({ length: 5 }, async () => (await plain(model)).status);
    expect(new Set(await Promise.all(hanging))).toEqual(new Set([504]));
    expect((await plain(model)).status).toBe(503);
  });
});

describe.each([
  ['a whole answer', false],
  ['a stream', true],
])('before the first byte of %s, a provider', (_what, stream) => {
  it.each<[string, VendorScript]>([
    ['429 with Retry-After', { status: 429, headers: { 'retry-after': '1' } }],
    ['500', { status: 500 }],
    ['503', { status: 503 }],
    ['529', { status: 529 }],
    ['a page of HTML', { body: '<html>', headers: { 'content-type': 'text/html' } }],
  ])('that says %s once is asked again, no sooner than it wants', async (what, script) => {
    const startedAt = performance.now();
    chat.openai.next(script);
    const { served } = await ask(fresh(), stream);
    expect(served).toEqual({ provider: 'openai', is_fallback: false, status: 0 });
    expect(chat.openai.requests).toHaveLength(2);
    expect(chat.anthropic.requests).toHaveLength(0);
    expect(performance.now() - startedAt >= 1_000).toBe(what.includes('Retry-After'));
  });

  it.each<[string, VendorScript | Faults, number]>([
    ['fails', { status: 500 }, 1 + retries],
    ['wants a pause that is too long', { status: 429, headers: { 'retry-after': '60' } }, 1],
    ['takes the request and says nothing', { hang: true }, stream ? 1 + retries : 1],
    ['refuses connections', { state: 'down' }, 0],
    ['resets connections', { state: 'reset' }, 0],
    ['accepts connections and is silent', { state: 'timeout' }, 0],
  ])('that %s is left for the next one', async (_fault, fault, asked) => {
    const model = fresh();
    if ('state' in fault) await chat.vendorProxy.set(fault);
    if ('status' in fault || 'hang' in fault) chat.openai.always(fault);
    const { sent, served } = await ask(model, stream);
    expect(served).toEqual({ provider: 'anthropic', is_fallback: true, status: 0 });
    expect(sent.text).toContain('Hello');
    expect(requestsFor(model)).toHaveLength(asked);
    expect(chat.anthropic.requests).toHaveLength(1);
  });

  it('that is only slow is waited for', async () => {
    const model = fresh();
    await chat.vendorProxy.set({ latencyMs: 300 });
    expect((await ask(model, stream)).served).toMatchObject({ provider: 'openai', status: 0 });
    expect(requestsFor(model)).toHaveLength(1);
  });

  it('that fails without anybody after it is an error that says so, and costs nothing', async () => {
    chat.openai.always({ status: 500 });
    const caller = await chat.caller({ budget: { usd: 1, window: 'day' } });
    const sent = await chat.post(path, { model: alone, messages: said, stream, max_tokens: 10 }, caller);
    expect(sent.status).toBe(502);
    expect(sent.headers.get('retry-after')).not.toBeNull();
    expect(JSON.parse(sent.text)).toMatchObject({ code: 'upstream_failed', error: { code: 'upstream_failed' } });
    expect(chat.openai.requests).toHaveLength(1 + retries);
    const Row = z.object({ status: z.number(), cost: z.coerce.number(), code: z.string() });
    const text = 'select status, cost_micros as cost, error_code as code from usage_events where user_id = $1';
    const rows = await vi.waitFor(async () => {
      const found = await chat.rows(Row, text, [caller.userId]);
      expect(found).toHaveLength(1);
      return found;
    });
    expect(rows).toEqual([{ status: 1, cost: 0, code: 'upstream_failed' }]);
    expect(await chat.rows(z.unknown(), 'select from reservations where user_id = $1', [caller.userId])).toEqual([]);
  });
});

describe('while one model hangs', () => {
  it('calls to others of the same provider and of another are as fast as ever', async () => {
    const [hanging, healthy] = [fresh(), fresh()];
    const before = Math.max(await slowest(healthy), await slowest(claude));
    const gate = createGate();
    chat.openai.next(...Array.from({ length: 40 }, () => ({ before: gate.opened })));
    const stuck = Array.from({ length: 40 }, async () => await plain(hanging));
    await chat.openai.received(chat.openai.requests.length + 40);
    expect(await slowest(healthy)).toBeLessThan(before * 3 + 200);
    expect(await slowest(claude)).toBeLessThan(before * 3 + 200);
    gate.open();
    await Promise.all(stuck);
  });
});

describe('a breaker that is open', () => {
  it('closes when the model is back', async () => {
    await brokenModel();
    await vi.waitFor(async () => expect((await plain(failing)).status).toBe(200), { timeout: 15_000, interval: 250 });
    expect((await plain(failing)).status).toBe(200);
  });
});

type Served = { provider: string; is_fallback: boolean; status: number };

async function ask(model: string, stream: boolean): Promise<{ sent: Sent; served: Served | undefined }> {
  const caller = await chat.caller();
  const sent = await chat.post(path, { model, messages: said, stream }, caller);
  expect([sent.status, sent.text]).toEqual([200, expect.stringMatching(stream ? /data: \[DONE\]\n\n$/ : /^\{/)]);
  const Row = z.object({ provider: z.string(), is_fallback: z.boolean(), status: z.number() });
  const [served] = await vi.waitFor(async () => {
    const text = 'select provider, is_fallback, status from usage_events where user_id = $1';
    const rows = await chat.rows(Row, text, [caller.userId]);
    expect(rows).toHaveLength(1);
    return rows;
  });
  return { sent, served };
}

/** A proxy that was silent passes on later what it had taken by then. */
function requestsFor(model: string): unknown[] {
  return chat.openai.requests.filter(({ body }) => z.object({ model: z.literal(model) }).safeParse(body).success);
}

let broken: Promise<void> | undefined;

/** Resolves when the model has failed so often that nobody is asked for it any more, and its vendor is well again. */
async function brokenModel(): Promise<void> {
  broken ??= breakModel();
  await broken;
}

async function breakModel(): Promise<void> {
  chat.openai.always({ status: 500 });
  while (requestsFor(failing).length < 4) expect((await plain(failing)).status).toBe(502);
  await plain(failing); // The fifth failure, after which there is no retry any more.
  const refused = await plain(failing);
  expect([refused.status, JSON.parse(refused.text)]).toMatchObject([503, { code: 'unavailable' }]);
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(requestsFor(failing)).toHaveLength(5);
  chat.openai.always({});
}

async function plain(model: string): Promise<Sent> {
  return await chat.post(path, { model, messages: said });
}

async function slowest(model: string): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 10; i += 1) {
    const startedAt = performance.now();
    expect((await plain(model)).status).toBe(200);
    times.push(performance.now() - startedAt);
  }
  return Math.max(...times);
}

let taken = 0;
function fresh(): string {
  taken += 1;
  return unused[taken % unused.length] ?? '';
}
