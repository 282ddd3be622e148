import OpenAI, { APIConnectionError, APIError, RateLimitError } from 'openai';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeOpenAi } from './fake-openai.ts';
import { createGate } from './vendor-script.ts';
import type { FakeVendor } from './vendor-server.ts';

const messages = [{ role: 'user' as const, content: 'Hi' }];
const request = { model: 'gpt-4o', messages };
let vendor: FakeVendor;
let client: OpenAI;

beforeEach(async () => {
  vendor = await createFakeOpenAi();
  client = clientWith(vendor.apiKey);
});

afterEach(async () => {
  await vendor.close();
});

function clientWith(apiKey: string): OpenAI {
  return new OpenAI({ baseURL: `${vendor.url}/v1`, apiKey, maxRetries: 0, logLevel: 'off' });
}

/** What the SDK's own accumulator makes of a stream. */
async function streamed(options: { usage?: boolean } = {}): Promise<OpenAI.ChatCompletion> {
  const stream = client.chat.completions.stream({
    ...request,
    ...(options.usage && { stream_options: { include_usage: true } }),
  });
  return await stream.finalChatCompletion();
}

/** The text that arrived, and the error that ended it. */
async function readUntilError(): Promise<{ text: string; error: unknown }> {
  let text = '';
  try {
    for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
    }
    return { text, error: null };
  } catch (error) {
    return { text, error };
  }
}

async function raw(body: object): Promise<string> {
  const answer = await fetch(`${vendor.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${vendor.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return await answer.text();
}

describe('faults', () => {
  test('429 carries its Retry-After, and the next request is served', async () => {
    vendor.next({ status: 429, headers: { 'retry-after': '1' } });
    const error: unknown = await client.chat.completions.create(request).catch(identity);
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error instanceof RateLimitError && error.headers.get('retry-after')).toBe('1');
    expect(error).toMatchObject({ code: 'rate_limit_exceeded' });
    expect((await client.chat.completions.create(request)).choices).toHaveLength(1);
  });

  test.each([401, 403, 500, 502, 503])('status %i comes in the shape of an error', async (status) => {
    vendor.next({ status });
    const error: unknown = await client.chat.completions.create(request).catch(identity);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status, error: { message: `The fake vendor was told to answer ${status}.` } });
  });

  test('nothing is sent before the gate opens', async () => {
    const gate = createGate();
    vendor.next({ before: gate.opened });
    let answered = false;
    const completion = client.chat.completions.create(request).finally(() => {
      answered = true;
    });
    await vendor.received(1);
    await pause(30);
    expect(answered).toBe(false);
    gate.open();
    expect((await completion).choices).toHaveLength(1);
  });

  test('an event waits for its gate while those before it have arrived', async () => {
    const gate = createGate();
    vendor.next({ text: ['one', 'two'], beforeEvent: (index) => (index === 2 ? gate.opened : undefined) });
    const read: string[] = [];
    const first = createGate();
    const reading = (async () => {
      for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
        read.push(chunk.choices[0]?.delta.content ?? '');
        if (read.includes('one')) first.open();
      }
    })();
    await first.opened;
    await pause(30);
    expect(read).toEqual(['', 'one']);
    gate.open();
    await reading;
    expect(read).toEqual(['', 'one', 'two', '']);
  });

  test('cut destroys the socket after the events before it arrived', async () => {
    vendor.next({ breakAfter: { events: 3, with: 'cut' } });
    const { text, error } = await readUntilError();
    expect(text).toBe('Hello, ');
    expect(error).toBeInstanceOf(Error);
    expect(String(error)).toMatch(/terminated|premature|aborted/i);
  });

  test('end is a clean end without [DONE]', async () => {
    vendor.next({ breakAfter: { events: 3, with: 'end' } });
    const wire = await raw({ ...request, stream: true });
    expect(wire).not.toContain('[DONE]');
    expect(wire.split('data: ')).toHaveLength(4);
  });

  test('error is an error event inside a 200', async () => {
    vendor.next({ breakAfter: { events: 2, with: 'error' } });
    const { text, error } = await readUntilError();
    expect(text).toBe('Hello');
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ type: 'server_error' });
  });

  test('error events of responses are named', async () => {
    vendor.next({ breakAfter: { events: 2, with: 'error' } });
    const stream = await client.responses.create({ model: 'gpt-5', input: 'Hi', stream: true });
    const types: string[] = [];
    const reading = (async () => {
      for await (const event of stream) types.push(event.type);
    })();
    await expect(reading).rejects.toMatchObject({ code: 'server_error' });
    expect(types).toEqual(['response.created', 'response.in_progress']);
  });

  test('garbage is not JSON', async () => {
    vendor.next({ breakAfter: { events: 2, with: 'garbage' } });
    const { text, error } = await readUntilError();
    expect(text).toBe('Hello');
    expect(error).toBeInstanceOf(SyntaxError);
  });

  test('empty choices, and no usage although it was asked for', async () => {
    vendor.always({ empty: true, usage: 'none' });
    const completion = await client.chat.completions.create(request);
    expect(completion.choices).toEqual([]);
    expect(completion.usage).toBeUndefined();
    const wire = await raw({ ...request, stream: true, stream_options: { include_usage: true } });
    expect(wire).toContain('"choices":[]');
    expect(wire).not.toContain('total_tokens');
  });

  test.each([
    { lineEnd: '\r\n' },
    { lineEnd: '\r' },
    { comments: true },
    { chunks: 'byte' },
    { chunks: 'whole' },
    { lineEnd: '\r\n', comments: true, chunks: 'byte' },
  ] as const)('the same stream, spelled as %o, reads the same', async (wire) => {
    vendor.next({ text: ['Grüße ', '👋🏽', ' 日本'], wire });
    expect((await streamed()).choices[0]?.message.content).toBe('Grüße 👋🏽 日本');
  });

  test('bytes really arrive one by one, comments and CRLF are really there', async () => {
    vendor.next({ text: ['é'], wire: { chunks: 'byte', comments: true, lineEnd: '\r\n' } });
    const { body } = await client.chat.completions.create({ ...request, stream: true }).asResponse();
    const source: AsyncIterable<Uint8Array> | null = body;
    if (!source) throw new Error('the answer has no body');
    const chunks: Uint8Array[] = [];
    for await (const chunk of source) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    expect(chunks.length).toBeGreaterThan(bytes.length / 2);
    expect(bytes.toString('utf8')).toContain(': keep-alive\r\n\r\ndata: ');
  });

  test('hang accepts and never answers; the vendor sees the client leave', async () => {
    vendor.next({ hang: true });
    const completion = client.chat.completions.create(request, { timeout: 100 }).catch(identity);
    const { aborted } = await vendor.received(1);
    expect(await completion).toBeInstanceOf(APIConnectionError);
    await aborted;
  });

  test('a stream that hangs stays open until the client leaves, which the vendor sees', async () => {
    vendor.next({ breakAfter: { events: 2, with: 'hang' } });
    for await (const chunk of await client.chat.completions.create({ ...request, stream: true })) {
      if (chunk.choices[0]?.delta.content === 'Hello') break;
    }
    await expect(vendor.requests[0]?.aborted).resolves.toBeUndefined();
  });

  test('neither a whole answer nor a cut of its own counts as the client leaving', async () => {
    vendor.next({}, { breakAfter: { events: 1, with: 'cut' } });
    await readUntilError();
    await readUntilError();
    const left = Promise.race(vendor.requests.map(async ({ aborted }) => await aborted.then(() => 'left')));
    expect(await Promise.race([left, pause(30).then(() => 'stayed')])).toBe('stayed');
  });
});

function identity(error: unknown): unknown {
  return error;
}
