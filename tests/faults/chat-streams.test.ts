import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { startChatStack, type Caller, type ChatStack } from '../support/chat-stack.ts';
import type { Faults } from '../support/fault-proxy.ts';
import { createGate, type StreamBreak, type VendorScript } from '../support/vendor-script.ts';
import { claude, gpt, said } from '../support/vendor-stack.ts';
import type { FakeVendor } from '../support/vendor-server.ts';

const text = ['Grüße ', 'aus ', 'Köln ', '𝄞 ', 'und ', 'so ', 'weiter'];

let chat: ChatStack;
beforeAll(async () => {
  chat = await startChatStack({
    CHAT_FALLBACKS: JSON.stringify({ [gpt]: [claude], [claude]: [gpt] }),
    PROVIDER_RETRIES: '3',
    PROVIDER_RETRY_DELAY_SECONDS: '0.01',
    PROVIDER_IDLE_SECONDS: '1.2',
    STREAM_HEARTBEAT_SECONDS: '0.3',
  });
});
afterAll(async () => await chat.stop());
beforeEach(() => {
  for (const vendor of [chat.openai, chat.anthropic]) {
    vendor.requests.length = 0;
    vendor.always({ text });
  }
});
/** So that no breaker opens: they count failures in a row. */
afterEach(async () => {
  await chat.vendorProxy.set({});
  for (const vendor of [chat.openai, chat.anthropic]) vendor.always({});
  for (const model of [gpt, claude]) await chat.post(paths.chat, { model, messages: said });
});

const paths = {
  chat: '/v1/chat/completions',
  messages: '/v1/messages',
  responses: '/v1/responses',
  gaia: '/api/v0.2/chat',
};
type Surface = { path: string; body: Record<string, unknown>; model: string; end: string };

const surfaces: [string, Surface][] = [
  ['a completion', { path: paths.chat, body: { messages: said }, model: gpt, end: '[DONE]' }],
  ['a translated completion', { path: paths.chat, body: { messages: said }, model: claude, end: '[DONE]' }],
  ['a message', { path: paths.messages, body: { messages: said, max_tokens: 50 }, model: claude, end: 'message_stop' }],
  [
    'a translated message',
    { path: paths.messages, body: { messages: said, max_tokens: 50 }, model: gpt, end: 'message_stop' },
  ],
  ['a response', { path: paths.responses, body: { input: 'hello' }, model: gpt, end: 'response.completed' }],
  ['a chat', { path: paths.gaia, body: { message: 'hello', conversation_id: 'new' }, model: gpt, end: '[DONE]' }],
];

describe.each(surfaces)('the stream of %s', (_what, surface) => {
  const { model } = surface;

  it.each<StreamBreak>(['cut', 'end', 'error', 'garbage', 'hang'])(
    'that breaks (%s) ends with an error and nothing else, is charged for what came, and is nobody else’s to answer',
    async (kind) => {
      const caller = await chat.caller({ budget: { usd: 1, window: 'day' } });
      // What is read together with the first bytes is nothing that anybody has been sent yet.
      const beforeEvent = (index: number): Promise<void> | undefined => (index === 4 ? pause(50) : undefined);
      vendorOf(model).always({ text, beforeEvent, breakAfter: { events: 5, with: kind } });
      const body = await streamed(surface, caller);
      const events = eventsOf(body);
      expect(events.filter((event) => event.includes('"error":{'))).toHaveLength(1);
      expect(events.at(-1)).toContain('"error":{');
      expect(body.endsWith('\n\n')).toBe(true);
      expect(body).not.toContain(surface.end);
      expect(body).toContain('Grüße');
      expect(chat.openai.requests.length + chat.anthropic.requests.length).toBe(1);
      const row = await rowOf(caller);
      expect(row).toMatchObject({ status: 2, is_estimated: true });
      expect(row.cost).toBeGreaterThan(0);
      expect(row.output).toBeGreaterThan(0);
      expect(row.output).toBeLessThan(20);
      expect(await spentBy(caller)).toBe(row.cost);
      const kept = surface.path === paths.gaia ? ['user hello completed', 'assistant Grüße aus  broken'] : [];
      await vi.waitFor(async () =>
        expect((await messagesOf(caller)).map((message) => message.replace(/aus .* /, 'aus  '))).toEqual(kept),
      );
    },
  );

  it.each<[string, VendorScript, Faults]>([
    ['CRLF', { wire: { lineEnd: '\r\n' } }, {}],
    ['comments', { wire: { comments: true } }, {}],
    ['one byte at a time', { wire: { chunks: 'byte' } }, {}],
    ['all at once', { wire: { chunks: 'whole' } }, {}],
    ['slices of three bytes on the way', {}, { slice: { bytes: 3, delayMs: 0 } }],
  ])('comes whole and exact whatever it is spelled like (%s)', async (_spelling, script, faults) => {
    const caller = await chat.caller();
    vendorOf(model).always({ text, ...script });
    await chat.vendorProxy.set(faults);
    const body = await streamed(surface, caller);
    expect(textIn(body)).toBe(text.join(''));
    expect(eventsOf(body).at(-1)).toContain(surface.end);
    expect(body).not.toContain('"error":{');
    expect(await rowOf(caller)).toMatchObject({ status: 0, is_estimated: false, input: 9, output: 4 });
  });
});

describe('a stream', () => {
  it.each<[string, VendorScript, object]>([
    ['without its usage', { text, usage: 'none' }, { status: 0, is_estimated: true }],
    ['with empty choices', { empty: true }, { status: 0, is_estimated: false }],
  ])('%s is complete and charged', async (_what, script, row) => {
    const caller = await chat.caller();
    chat.openai.always(script);
    const body = await streamed({ path: paths.chat, body: { messages: said }, model: gpt, end: '' }, caller);
    expect(body.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(await rowOf(caller)).toMatchObject(row);
    expect((await rowOf(caller)).cost).toBeGreaterThan(0);
  });
});

describe('a client that leaves', () => {
  const completion = { model: gpt, messages: said, max_tokens: 50 };

  it.each([
    ['a flowing stream', true, (index: number) => (index > 2 ? pause(20) : undefined)],
    ['a silent stream', true, (index: number) => (index > 4 ? never : undefined)],
  ])('%s ends the call at its vendor within a second, and pays for what came', async (_what, stream, beforeEvent) => {
    const caller = await chat.caller({ budget: { usd: 1, window: 'day' } });
    const long = Array.from({ length: 500 }, (_, index) => `word ${index} `);
    chat.openai.always({ text: long, beforeEvent });
    const client = await chat.open(paths.chat, { ...completion, stream }, caller);
    await client.until('word 1 ');
    await leftWithinASecond(caller, () => client.socket.destroy());
    const row = await rowOf(caller);
    expect(row).toMatchObject({ status: 3, is_estimated: true });
    expect(row.cost).toBeGreaterThan(0);
    expect(row.output).toBeLessThan(1_000);
    expect(await spentBy(caller)).toBe(row.cost);
  });

  it.each([
    ['a whole answer', false],
    ['a stream', true],
  ])('before the first byte of %s, by a reset, ends the call too and pays nothing', async (_what, stream) => {
    const caller = await chat.caller({ budget: { usd: 1, window: 'day' } });
    chat.openai.always({ hang: true });
    const client = await chat.open(paths.chat, { ...completion, stream }, caller);
    await chat.openai.received(1);
    await leftWithinASecond(caller, () => client.socket.resetAndDestroy());
    expect(await rowOf(caller)).toMatchObject({ status: 3, cost: 0 });
    expect(chat.openai.requests).toHaveLength(1);
    expect(chat.anthropic.requests).toHaveLength(0);
  });

  it('in a chat leaves behind what was said, and the next message is answered at once', async () => {
    const caller = await chat.caller();
    chat.openai.always({ text, beforeEvent: (index) => (index > 4 ? never : undefined) });
    const chatting = { model: gpt, message: 'hello', conversation_id: 'new', stream: true };
    const client = await chat.open(paths.gaia, chatting, caller);
    await client.until('aus');
    await leftWithinASecond(caller, () => client.socket.destroy());
    await vi.waitFor(async () =>
      expect((await messagesOf(caller)).join()).toMatch(/^user hello completed,assistant Grüße .* cancelled$/),
    );
    const [conversation] = await chat.rows(
      z.object({ id: z.string() }),
      'select id from conversations where user_id = $1',
      [caller.userId],
    );
    chat.openai.always({ text });
    const next = { model: gpt, message: 'again', conversation_id: conversation?.id };
    const startedAt = performance.now();
    expect((await chat.post(paths.gaia, next, caller)).status).toBe(200);
    expect(performance.now() - startedAt).toBeLessThan(1_000);
  });

  it('says nothing of the provider: its breaker stays closed', async () => {
    const gate = createGate();
    chat.openai.always({ text, beforeEvent: (index) => (index > 4 ? gate.opened : undefined) });
    for (let i = 0; i < 8; i += 1) {
      const client = await chat.open(paths.chat, { ...completion, stream: true });
      await client.until('aus');
      client.socket.resetAndDestroy();
      const request = await chat.openai.received(i + 1);
      await request.aborted;
    }
    chat.openai.always({});
    gate.open();
    expect((await chat.post(paths.chat, completion)).status).toBe(200);
    expect(chat.anthropic.requests).toHaveLength(0);
  });
});

const never = new Promise(() => undefined);

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

async function leftWithinASecond(caller: Caller, leave: () => unknown): Promise<void> {
  const request = await chat.openai.received(1);
  const leftAt = performance.now();
  leave();
  await request.aborted;
  expect(performance.now() - leftAt).toBeLessThan(1_000);
  await vi.waitFor(async () => {
    expect(await chat.rows(z.unknown(), 'select from reservations where user_id = $1', [caller.userId])).toEqual([]);
  });
}

function vendorOf(model: string): FakeVendor {
  return model === gpt ? chat.openai : chat.anthropic;
}

async function streamed({ path, body, model }: Surface, caller: Caller): Promise<string> {
  const sent = await chat.post(path, { ...body, model, stream: true }, caller);
  expect([sent.status, sent.headers.get('content-type')]).toEqual([200, 'text/event-stream']);
  return sent.text;
}

/** Without comments and without the names of events. */
function eventsOf(body: string): string[] {
  return Array.from(body.matchAll(/^data: ?(.*)$/gm), ([, data = '']) => data.trimEnd());
}

/** In whatever protocol: each has its words in one member of an event. */
function textIn(body: string): string {
  const Event = z.union([
    z
      .object({ choices: z.tuple([z.object({ delta: z.object({ content: z.string() }) })]) })
      .transform(({ choices }) => choices[0].delta.content),
    z
      .object({ type: z.literal('content_block_delta'), delta: z.object({ text: z.string() }) })
      .transform(({ delta }) => delta.text),
    z.object({ type: z.literal('response.output_text.delta'), delta: z.string() }).transform(({ delta }) => delta),
    z.unknown().transform(() => ''),
  ]);
  return eventsOf(body)
    .map((data) => (data === '[DONE]' ? '' : Event.parse(JSON.parse(data))))
    .join('');
}

const Row = z.object({
  status: z.number(),
  cost: z.coerce.number(),
  input: z.number(),
  output: z.number(),
  is_estimated: z.boolean(),
});

async function rowOf({ userId }: Caller): Promise<z.infer<typeof Row>> {
  const query = `select status, cost_micros as cost, input_tokens as input, output_tokens as output, is_estimated
    from usage_events where user_id = $1`;
  return await vi.waitFor(async () => {
    const [row, ...more] = await chat.rows(Row, query, [userId]);
    if (!row) throw new Error('nothing is recorded yet');
    expect(more).toEqual([]);
    return row;
  });
}

async function spentBy({ keyId }: Caller): Promise<number | undefined> {
  const Spent = z.object({ spent: z.coerce.number() });
  const rows = await chat.rows(Spent, 'select spent_micros as spent from budget_windows where subject_id = $1', [
    keyId,
  ]);
  return rows[0]?.spent;
}

async function messagesOf({ userId }: Caller): Promise<string[]> {
  const Message = z.object({ role: z.string(), content: z.string(), status: z.string() });
  const query = 'select role, content, status from chat_messages where user_id = $1 order by position';
  return (await chat.rows(Message, query, [userId])).map(({ role, content, status }) => `${role} ${content} ${status}`);
}
