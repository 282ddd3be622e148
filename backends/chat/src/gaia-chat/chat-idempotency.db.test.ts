import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  contentOf,
  eventsOf,
  gpt,
  jsonOf,
  startGaiaChats,
  typesOf,
  type GaiaChats,
  type Talker,
} from '../../../../tests/support/gaia-chats.ts';
import { createGate } from '../../../../tests/support/vendor-script.ts';

let chats: GaiaChats;
let me: Talker;
beforeAll(async () => {
  chats = await startGaiaChats();
});
beforeEach(() => {
  me = chats.person();
});
afterEach(async () => await chats.reset());
afterAll(async () => await chats.close());

const key = { 'idempotency-key': 'the-key' };
const message = { message: 'hello', model: gpt };
const unary = ['/api/v0.2/chat', '/api/v1/chat', '/api/v1/chat/completions', '/api/v0.3/chat'];
const streams = [...unary, '/api/v0.2/chat/stream'];
const bodyFor = (path: string, more: object = {}): object =>
  path.includes('v0.3') ? { message: 'hello', ...more } : { ...message, ...more };
const completion = { model: gpt, messages: [{ role: 'user', content: 'hello' }] };
const streamed: [string, object][] = [
  ['/v1/chat/completions', { ...completion, stream: true }],
  ...streams.map((path): [string, object] => [path, bodyFor(path, { stream: true })]),
];
const wishes: [string, object][] = [
  ['/v1/chat/completions', completion],
  ...unary.map((path): [string, object] => [path, bodyFor(path)]),
  ...streamed,
];

/** As if everything had been forgotten but the conversation: what a crash between the two commits leaves. */
async function forgetKeys(): Promise<void> {
  await chats.rows('delete from idempotency_keys');
}

describe('a request that is sent again with its Idempotency-Key', () => {
  it.each(unary)('to %s gets the same answer, from one turn and one call', async (path) => {
    const first = await jsonOf(me.post(path, bodyFor(path), key));
    const again = await me.post(path, bodyFor(path), key);
    expect(again.headers.get('idempotency-replayed')).toBe('true');
    expect(await jsonOf(again)).toEqual(first);
    expect(chats.asked()).toBe(1);
    expect(await chats.messages(me)).toHaveLength(2);
  });

  it.each(wishes)(
    'to %s gets headers of its own, and not what the first was told of its limits',
    async (path, body) => {
      const first = await me.post(path, body, key);
      await first.text();
      const again = await me.post(path, body, key);
      expect([await again.text(), again.headers.get('idempotency-replayed')]).toEqual([expect.any(String), 'true']);
      expect([first, again].map(({ headers }) => headers.get('ratelimit'))).toEqual([expect.any(String), null]);
      expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'));
    },
  );

  // The vendor's silence would end it as well, but only after ten seconds.
  it.each(streamed)('to %s is answered whole before its vendor ends', { timeout: 5_000 }, async (path, body) => {
    chats.vendors.openai.next({ breakAfter: { events: 99, with: 'hang' } });
    const answer = await me.post(path, body, key);
    let text = '';
    for await (const part of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      text += part;
      if (text.endsWith('data: [DONE]\n\n')) break;
    }
    expect(await (await me.post(path, body, key)).text()).toBe(text);
    expect(chats.asked()).toBe(1);
  });

  it.each(streams)('to %s as a stream gets the same bytes', async (path) => {
    const body = bodyFor(path, { stream: true });
    const first = await (await me.post(path, body, key)).text();
    expect(first).toMatch(/\ndata: \[DONE\]\n\n$/);
    const again = await me.post(path, body, key);
    expect(again.headers.get('content-type')).toBe('text/event-stream');
    expect(await again.text()).toBe(first);
    expect(chats.asked()).toBe(1);
    expect(await chats.messages(me)).toHaveLength(2);
  });

  it.each(['/api/v0.2/chat', '/api/v0.2/chat/stream'])('to %s while the first runs waits for it', async (path) => {
    const gate = createGate();
    chats.vendors.openai.next({ before: gate.opened });
    const answers = Promise.all([1, 2, 3].map(async () => await (await me.post(path, message, key)).text()));
    await chats.vendors.openai.received(1);
    gate.open();
    expect(new Set(await answers).size).toBe(1);
    expect(chats.asked()).toBe(1);
    expect(await chats.messages(me)).toHaveLength(2);
  });

  it('but with another body is refused', async () => {
    await jsonOf(me.post('/api/v0.2/chat', message, key));
    const problem = await jsonOf(me.post('/api/v0.2/chat', { ...message, message: 'other' }, key), 422);
    expect(problem).toMatchObject({ errors: [{ path: 'Idempotency-Key' }] });
    expect(await chats.messages(me)).toHaveLength(2);
  });

  it.each(['x'.repeat(256), 'ünreadable'])('that is no key (%s) stores nothing', async (wrong) => {
    for (const path of ['/api/v0.2/chat', '/api/v0.2/chat/stream']) {
      expect((await me.post(path, message, { 'idempotency-key': wrong })).status).toBe(422);
    }
    expect(await chats.messages(me)).toEqual([]);
    expect(chats.asked()).toBe(0);
  });

  it('of the greatest length names a turn that can be stored', async () => {
    await jsonOf(me.post('/api/v0.2/chat', message, { 'idempotency-key': 'k'.repeat(255) }));
    expect(await chats.messages(me)).toHaveLength(2);
  });

  it('after a failure is carried out anew, in the same turn', async () => {
    chats.vendors.openai.next({ status: 500 });
    await jsonOf(me.post('/api/v0.2/chat', message, key), 502);
    await chats.ended(me);
    await jsonOf(me.post('/api/v0.2/chat', message, key));
    expect(chats.asked()).toBe(2);
    expect((await chats.messages(me)).map(({ status }) => status)).toEqual(['completed', 'completed']);
  });

  it('after a stream that broke is carried out anew, and the whole answer takes the place of the broken one', async () => {
    const gate = createGate();
    const beforeEvent = (index: number) => (index > 1 ? gate.opened : undefined);
    chats.vendors.openai.next({ breakAfter: { events: 3, with: 'cut' }, beforeEvent });
    const broken = await me.post('/api/v0.2/chat/stream', message, key);
    const text = broken.text();
    await chats.vendors.openai.received(1);
    gate.open();
    expect(await text).not.toContain('[DONE]');
    await chats.ended(me);
    const again = await eventsOf(me.post('/api/v0.2/chat/stream', message, key));
    expect(contentOf(again)).toBe('Hello, world!');
    expect(again.at(-1)).toBe('[DONE]');
    expect(chats.asked()).toBe(2);
    expect(await chats.messages(me)).toMatchObject([
      { role: 'user', status: 'completed' },
      { role: 'assistant', status: 'completed', content: 'Hello, world!' },
    ]);
  });
});

describe('a turn that was answered before its process died', () => {
  it.each(unary)('is not answered again at %s', async (path) => {
    const first = await jsonOf(me.post(path, bodyFor(path), key));
    await forgetKeys();
    const again = await jsonOf(me.post(path, bodyFor(path), key));
    expect(again).toMatchObject({ response: first['response'], conversation_id: first['conversation_id'] });
    expect(chats.asked()).toBe(1);
    expect(await chats.messages(me)).toHaveLength(2);
  });

  it.each(streams)('is not answered again at %s as a stream', async (path) => {
    const body = bodyFor(path, { stream: true });
    await eventsOf(me.post(path, body, key));
    await forgetKeys();
    const events = await eventsOf(me.post(path, body, key));
    expect(events.filter((event) => event === '[DONE]')).toHaveLength(1);
    expect(events.at(-1)).toBe('[DONE]');
    expect(contentOf(events)).toBe('Hello, world!');
    const isOurs = path.endsWith('/stream');
    expect(typesOf(events).includes('complete')).toBe(isOurs);
    expect(chats.asked()).toBe(1);
    expect(await chats.messages(me)).toHaveLength(2);
  });

  it('is another one than that of a later request with the same key', async () => {
    const first = await jsonOf(me.post('/api/v0.2/chat', message, key));
    await forgetKeys();
    const other = await jsonOf(me.post('/api/v0.2/chat', { ...message, message: 'something else' }, key));
    expect(other['conversation_id']).not.toBe(first['conversation_id']);
    expect(chats.asked()).toBe(2);
  });
});
