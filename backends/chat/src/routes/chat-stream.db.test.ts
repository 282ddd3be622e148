import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { contractVersion } from '#shared/contract-version.ts';
import { headerNames } from '#shared/http/headers.ts';
import {
  claude,
  contentOf,
  eventsIn,
  eventsOf,
  gpt,
  jsonOf,
  startGaiaChats,
  typesOf,
  type GaiaChats,
  type Talker,
} from '../../../../tests/support/gaia-chats.ts';
import { createGate, type StreamBreak, type VendorScript } from '../../../../tests/support/vendor-script.ts';

let chats: GaiaChats;
let me: Talker;
beforeAll(async () => {
  chats = await startGaiaChats({ limits: { heartbeatMs: 20, idleMs: 300 }, fallbacks: { [gpt]: [claude] } });
});
beforeEach(() => {
  me = chats.person();
});
afterEach(async () => await chats.reset());
afterAll(async () => await chats.close());

const path = '/api/v0.2/chat/stream';
const aText: unknown = expect.any(String);
const aTime: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
const aNumber: unknown = expect.any(Number);
const anId: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/);

type Connected = {
  client: ClientRequest;
  response: IncomingMessage;
  /** All that came, as soon as it has this text. Reads only from here on. */
  until: (wanted: string) => Promise<string>;
};

/** A client that the test can take away, and that reads only when it is told to. */
async function connected(body: object): Promise<Connected> {
  const text = JSON.stringify(body);
  const headers = {
    [headerNames.assertion]: JSON.stringify(me.principal),
    [headerNames.contract]: String(contractVersion),
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  };
  const client = httpRequest({ port: chats.port, path, method: 'POST', headers }).end(text);
  client.on('error', () => undefined);
  const response = await new Promise<IncomingMessage>((resolve) => void client.once('response', resolve));
  response.on('error', () => undefined).setEncoding('utf8');
  let read = '';
  const collect = (piece: string): void => void (read += piece);
  const until = async (wanted: string): Promise<string> => {
    response.off('data', collect).on('data', collect);
    while (!read.includes(wanted)) await once(response, 'data');
    return read;
  };
  return { client, response, until };
}

describe('POST /api/v0.2/chat/stream', () => {
  it('sends the documented events, in their order and shape', async () => {
    const answer = await me.post(path, { message: 'hello', model: gpt, activity: 'generic' });
    expect(answer.headers.get('content-type')).toBe('text/event-stream');
    const events = await eventsOf(answer);
    expect(events).toEqual([
      { type: 'start', timestamp: aTime, conversation_id: anId },
      { type: 'ready', timestamp: aTime, parallel_fetch_ms: aNumber, cache_hits: { persona: false, tools: false } },
      { type: 'model_selection', model: gpt, provider: 'openai', reasoning: aText },
      ...['Hello', ', ', 'world', '!'].map((content) => ({ type: 'content', content, provider: 'openai', model: gpt })),
      { type: 'metadata', response_time_ms: aNumber, fallback_used: false, total_tokens: 13 },
      { type: 'complete', timestamp: aTime, response_length: 13 },
      '[DONE]',
    ]);
    expect(await chats.messages(me)).toMatchObject([
      { content: 'hello' },
      { content: 'Hello, world!', tokens_used: 13 },
    ]);
  });

  it('says why a model was chosen, and that the persona was at hand', async () => {
    await eventsOf(me.post(path, { message: 'one', model: gpt }));
    const [, ready, selection] = await eventsOf(me.post(path, { message: 'two', priority: 'speed' }));
    expect(ready).toMatchObject({ cache_hits: { persona: true, tools: false } });
    expect(JSON.stringify(selection)).toContain('priority speed');
  });

  it('begins before the vendor has said anything, and stays alive', async () => {
    const gate = createGate();
    chats.vendors.openai.next({ before: gate.opened });
    const { until } = await connected({ message: 'x', model: gpt });
    const text = await until(':\n\n');
    expect(typesOf(eventsIn(text))).toEqual(['start', 'ready', 'model_selection']);
    gate.open();
    expect(await until('[DONE]')).toContain('"complete"');
  });

  it.each<[string, VendorScript]>([
    ['CRLF', { wire: { lineEnd: '\r\n' } }],
    ['comments', { wire: { comments: true } }],
    ['single bytes', { wire: { chunks: 'byte' }, text: ['Grüße', ' 𝄞'] }],
    ['one chunk', { wire: { chunks: 'whole' } }],
  ])('reads a vendor’s %s alike', async (_name, script) => {
    chats.vendors.openai.next(script);
    const events = await eventsOf(me.post(path, { message: 'x', model: gpt }));
    expect(contentOf(events)).toBe((script.text ?? ['Hello, world!']).join(''));
    expect(typesOf(events).slice(-3)).toEqual(['metadata', 'complete', '[DONE]']);
    expect(events.filter((event) => event === '[DONE]')).toHaveLength(1);
  });

  it('tells of the tools that are to be used, and of calls that were cut off', async () => {
    const tools = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];
    chats.vendors.anthropic.next({ toolCalls: [{ id: 'call_1', name: 'weather', arguments: { city: 'Köln' } }] });
    const events = await eventsOf(me.post(path, { message: 'x', model: claude, tools }));
    expect(events).toContainEqual({ type: 'tool_use', tool: 'weather', arguments: '{"city":"Köln"}', result: null });
    expect(typesOf(events)).not.toContain('tool_error');
    expect(typesOf(events).slice(-3)).toEqual(['metadata', 'complete', '[DONE]']);
  });

  it('goes to the next provider when one fails, saying so', async () => {
    chats.vendors.openai.next({ status: 503 });
    const events = await eventsOf(me.post(path, { message: 'x', model: gpt }));
    expect(events.slice(2, 7)).toEqual([
      { type: 'model_selection', model: gpt, provider: 'openai', reasoning: aText },
      { type: 'error', error: aText, provider: 'openai', fallback_available: true },
      { type: 'fallback_attempt', message: `Trying Anthropic: ${claude}` },
      { type: 'model_selection', model: claude, provider: 'anthropic', reasoning: aText },
      { type: 'content', content: 'Hello', provider: 'anthropic', model: claude },
    ]);
    expect(events).toContainEqual({
      type: 'metadata',
      response_time_ms: aNumber,
      fallback_used: true,
      total_tokens: 13,
    });
    expect((await chats.messages(me)).at(-1)).toMatchObject({ provider: 'anthropic', status: 'completed' });
  });

  it('ends with one error where nobody answers, and stores no answer', async () => {
    for (const vendor of [chats.vendors.openai, chats.vendors.anthropic]) vendor.always({ status: 500 });
    const events = await eventsOf(me.post(path, { message: 'x', model: gpt }));
    expect(events.at(-1)).toEqual({ type: 'error', error: aText, provider: 'anthropic', fallback_available: false });
    expect(typesOf(events).filter((type) => type === 'error')).toHaveLength(2);
    expect(typesOf(events)).not.toContain('complete');
    expect(events).not.toContain('[DONE]');
    expect(await chats.ended(me)).toMatchObject([{ role: 'user', status: 'unanswered' }]);
  });

  it('says nothing of a model that is only asked again', async () => {
    const patient = await startGaiaChats({ limits: { retries: 1 } });
    patient.vendors.openai.next({ status: 503 });
    const events = await eventsOf(patient.person().post(path, { message: 'x', model: gpt }));
    await patient.close();
    expect(patient.vendors.openai.requests).toHaveLength(2);
    expect(typesOf(events).filter((type) => type !== 'content')).toEqual([
      'start',
      'ready',
      'model_selection',
      'metadata',
      'complete',
      '[DONE]',
    ]);
  });

  it('announces no fallback for what is the caller’s own error', async () => {
    chats.vendors.openai.next({ status: 400 });
    const events = await eventsOf(me.post(path, { message: 'x', model: gpt }));
    expect(typesOf(events)).toEqual(['start', 'ready', 'model_selection', 'error']);
    expect(chats.vendors.anthropic.requests).toEqual([]);
  });

  it.each<StreamBreak>(['cut', 'end', 'error', 'garbage', 'hang'])(
    'that breaks (%s) ends in an error, never in complete or [DONE], and keeps what was said',
    async (kind) => {
      const gate = createGate();
      const beforeEvent = (index: number) => (index > 1 ? gate.opened : undefined);
      chats.vendors.openai.next({ breakAfter: { events: 3, with: kind }, beforeEvent });
      const { until } = await connected({ message: 'x', model: gpt });
      await until('"content"');
      gate.open();
      const events = eventsIn(await until('"error"'));
      expect(events.at(-1)).toEqual({ type: 'error', error: aText, provider: 'openai', fallback_available: false });
      const types = typesOf(events);
      expect(types.filter((type) => type === 'error')).toHaveLength(1);
      for (const never of ['complete', 'metadata', '[DONE]', 'fallback_attempt']) expect(types).not.toContain(never);
      expect(contentOf(events)).toMatch(/^Hello/);
      expect((await chats.ended(me)).at(-1)).toMatchObject({
        role: 'assistant',
        status: 'broken',
        content: contentOf(events),
      });
    },
  );

  it('keeps what a client has seen who leaves, and ends the call at the vendor', async () => {
    const gate = createGate();
    chats.vendors.openai.next({ beforeEvent: (index) => (index > 2 ? gate.opened : undefined) });
    const { client, until } = await connected({ message: 'x', model: gpt });
    await until('"content"');
    client.destroy();
    await (
      await chats.vendors.openai.received(1)
    ).aborted;
    gate.open();
    const [, answer] = await chats.ended(me);
    expect(answer).toMatchObject({ role: 'assistant', status: 'cancelled' });
    expect(answer?.content).toMatch(/^Hello/);
    expect(answer?.content).not.toBe('Hello, world!');
  });

  it('of a client that leaves before the first word leaves nothing waiting', async () => {
    chats.vendors.openai.next({ hang: true });
    const { client } = await connected({ message: 'x', model: gpt });
    const asked = await chats.vendors.openai.received(1);
    client.destroy();
    await asked.aborted;
    expect(await chats.ended(me)).toMatchObject([{ role: 'user', status: 'unanswered' }]);
    expect(chats.vendors.anthropic.requests).toEqual([]);
  });

  it('of a client that leaves before anything was sent leaves nothing waiting either', async () => {
    chats.vendors.openai.next({ hang: true });
    const body = JSON.stringify({ message: 'x', model: gpt, stream: true, enable_fallback: false });
    const client = new AbortController();
    const headers = { 'content-type': 'application/json' };
    const answer = me.request('/api/v0.2/chat', { method: 'POST', body, headers, signal: client.signal });
    const asked = await chats.vendors.openai.received(1);
    client.abort();
    await expect(answer).rejects.toThrow('aborted');
    await asked.aborted;
    expect(await chats.ended(me)).toMatchObject([{ role: 'user', status: 'unanswered' }]);
  });

  it('waits for a client that does not read, and keeps no more than pipes hold', async () => {
    const piece = 'x'.repeat(10_000);
    let sent = 0;
    chats.vendors.openai.next({
      text: Array<string>(2_000).fill(piece),
      beforeEvent: (index) => {
        sent = index;
        return undefined;
      },
    });
    const { client, response } = await connected({ message: 'x', model: gpt });
    await once(response, 'readable');
    // Nothing tells that nothing more is coming, and sockets fill by fits and starts.
    for (let quiet = 0, before = -1; quiet < 6; quiet = before === sent ? quiet + 1 : 0) {
      before = sent;
      await new Promise((resolve) => void setTimeout(resolve, 200));
    }
    expect(sent).toBeLessThan(1_900); // 20 MB, of which sockets hold a few.
    client.destroy();
    expect((await chats.ended(me)).at(-1)?.content).toMatch(/^x+$/);
  });

  it('is not complete before its answer is stored', async () => {
    const gate = createGate();
    chats.vendors.openai.next({ beforeEvent: (index) => (index > 2 ? gate.opened : undefined) });
    const { until } = await connected({ message: 'x', model: gpt });
    await until('"content"');
    await chats.rows('alter table chat_messages add constraint none check (role <> $$assistant$$) not valid');
    gate.open();
    const text = await until('"error"');
    await chats.rows('alter table chat_messages drop constraint none');
    expect(text).not.toContain('"complete"');
    expect(text).not.toContain('[DONE]');
    expect(text).toContain('could not be stored');
  });

  it('answers one after the other in a conversation', async () => {
    const { conversation_id } = await jsonOf(me.post('/api/v0.2/chat', { message: 'zero', model: gpt }));
    const texts = ['one', 'two', 'three'];
    const say = async (message: string) => await eventsOf(me.post(path, { message, model: gpt, conversation_id }));
    for (const events of await Promise.all(texts.map(say))) expect(events.at(-1)).toBe('[DONE]');
    const roles = (await chats.messages(me)).map(({ role }) => role);
    expect(roles).toEqual(['user', 'assistant', 'user', 'assistant', 'user', 'assistant', 'user', 'assistant']);
  });
});
