import Anthropic, { APIError, AuthenticationError, NotFoundError, RateLimitError } from '@anthropic-ai/sdk';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeAnthropic } from './fake-anthropic.ts';
import { unknownModel } from './vendor-script.ts';
import type { FakeVendor } from './vendor-server.ts';

const messages = [{ role: 'user' as const, content: 'Hi' }];
const request = { model: 'claude-sonnet-4-6', max_tokens: 100, messages };
const weather = { id: 'toolu_1', name: 'get_weather', arguments: { city: 'Århus' } };

let vendor: FakeVendor;
let client: Anthropic;

beforeEach(async () => {
  vendor = await createFakeAnthropic();
  client = clientWith(vendor.apiKey);
});

afterEach(async () => {
  await vendor.close();
});

/** The SDK sends a key as a bearer token; the documented header, which our adapter uses, has to be set by hand. */
function clientWith(apiKey: string): Anthropic {
  const defaultHeaders = { 'x-api-key': apiKey };
  return new Anthropic({ baseURL: vendor.url, apiKey: null, defaultHeaders, maxRetries: 0, logLevel: 'off' });
}

async function raw(headers: Record<string, string>, body: object = request): Promise<Response> {
  return await fetch(`${vendor.url}/v1/messages`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

async function readUntilError(): Promise<{ text: string; error: unknown }> {
  let text = '';
  try {
    for await (const event of await client.messages.create({ ...request, stream: true })) {
      if (event.type === 'content_block_delta' && event.delta.type === 'text_delta') text += event.delta.text;
    }
    return { text, error: null };
  } catch (error) {
    return { text, error };
  }
}

describe('protocol', () => {
  test('a message has content, stop reason and usage', async () => {
    const message = await client.messages.create(request);
    expect(message.content).toMatchObject([{ type: 'text', text: 'Hello, world!' }]);
    expect(message.stop_reason).toBe('end_turn');
    expect(message.usage).toMatchObject({ input_tokens: 9, output_tokens: 4 });
  });

  test('a stream sends its events in the documented order', async () => {
    const answer = await raw(
      { 'x-api-key': vendor.apiKey, 'anthropic-version': '2023-06-01' },
      { ...request, stream: true },
    );
    const names = [...(await answer.text()).matchAll(/^event: (.*)\ndata: \{"type":"(.*?)"/gm)].map(
      ([, name, type]) => {
        expect(name).toBe(type);
        return name;
      },
    );
    const deltas = Array.from({ length: 4 }, () => 'content_block_delta');
    const before = ['message_start', 'content_block_start', 'ping'];
    expect(names).toEqual([...before, ...deltas, 'content_block_stop', 'message_delta', 'message_stop']);
  });

  test('the accumulator of the SDK reads text, tool use and usage from a stream', async () => {
    vendor.always({ text: ['Let me ', 'see.'], toolCalls: [weather], usage: { input: 30, output: 7, cached: 10 } });
    const whole = await client.messages.create(request);
    const streamed = await client.messages.stream(request).finalMessage();
    for (const { content, stop_reason, usage } of [whole, streamed]) {
      expect(content[0]).toMatchObject({ type: 'text', text: 'Let me see.' });
      expect(content[1]).toMatchObject({ type: 'tool_use', id: 'toolu_1', input: { city: 'Århus' } });
      expect(stop_reason).toBe('tool_use');
      expect(usage).toMatchObject({ input_tokens: 20, cache_read_input_tokens: 10, output_tokens: 7 });
    }
  });

  test('counts tokens and lists models', async () => {
    const { model } = request;
    expect((await client.messages.countTokens({ model, messages })).input_tokens).toBeGreaterThan(0);
    expect((await client.models.list()).data.map(({ id }) => id)).toContain(model);
    expect(await client.models.retrieve(model)).toMatchObject({ id: model, type: 'model' });
    await expect(client.models.retrieve('claude-0')).rejects.toBeInstanceOf(NotFoundError);
  });

  test('needs x-api-key and anthropic-version', async () => {
    const error: unknown = await clientWith('sk-ant-wrong').messages.create(request).catch(identity);
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, error: { type: 'error', error: { type: 'authentication_error' } } });
    expect((await raw({ 'anthropic-version': '2023-06-01' })).status).toBe(401);
    expect((await raw({ authorization: `Bearer ${vendor.apiKey}`, 'anthropic-version': '2023-06-01' })).status).toBe(
      401,
    );
    const unversioned = await raw({ 'x-api-key': vendor.apiKey });
    expect(unversioned.status).toBe(400);
    expect(await unversioned.text()).toContain('anthropic-version');
  });

  test('bad requests and unknown models get the types of Anthropic', async () => {
    const good = { 'x-api-key': vendor.apiKey, 'anthropic-version': '2023-06-01' };
    const answer = await raw(good, { model: 'claude-sonnet-4-6', messages });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
    const error: unknown = await client.messages.create({ ...request, model: unknownModel }).catch(identity);
    expect(error).toMatchObject({ status: 404, error: { error: { type: 'not_found_error' } } });
  });
});

describe('faults', () => {
  test.each([
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [503, 'api_error'],
    [529, 'overloaded_error'],
  ])('status %i comes as %s', async (status, type) => {
    vendor.next({ status, headers: { 'retry-after': '1' } });
    const error: unknown = await client.messages.create(request).catch(identity);
    expect(error).toBeInstanceOf(status === 429 ? RateLimitError : APIError);
    expect(error).toMatchObject({ status, error: { error: { type } } });
    expect((await client.messages.create(request)).stop_reason).toBe('end_turn');
  });

  test('overloaded in mid-stream is an error event', async () => {
    vendor.next({ breakAfter: { events: 4, with: 'error' } });
    const { text, error } = await readUntilError();
    expect(text).toBe('Hello');
    expect(error).toMatchObject({ error: { type: 'error', error: { type: 'overloaded_error' } } });
  });

  test('cut, end and garbage break the stream after what came before', async () => {
    vendor.next({ breakAfter: { events: 4, with: 'cut' } }, { breakAfter: { events: 4, with: 'garbage' } });
    const cut = await readUntilError();
    expect(cut.text).toBe('Hello');
    expect(cut.error).toBeInstanceOf(Error);
    const garbage = await readUntilError();
    expect(garbage.text).toBe('Hello');
    expect(garbage.error).toBeInstanceOf(SyntaxError);
    vendor.next({ breakAfter: { events: 4, with: 'end' } });
    await expect(client.messages.stream(request).finalMessage()).rejects.toThrow(/without|ended/i);
  });

  test.each([{ lineEnd: '\r\n' }, { comments: true }, { chunks: 'byte' }, { chunks: 'whole' }] as const)(
    'the same stream, spelled as %o, reads the same',
    async (wire) => {
      vendor.next({ text: ['Grüße ', '👋🏽', ' 日本'], wire });
      const { content } = await client.messages.stream(request).finalMessage();
      expect(content).toMatchObject([{ type: 'text', text: 'Grüße 👋🏽 日本' }]);
    },
  );

  test('no content and no final usage', async () => {
    vendor.next({ empty: true }, { usage: 'none' });
    expect((await client.messages.stream(request).finalMessage()).content).toEqual([]);
    const deltas: Anthropic.RawMessageStreamEvent[] = [];
    for await (const event of await client.messages.create({ ...request, stream: true })) {
      if (event.type === 'message_delta') deltas.push(event);
    }
    expect(deltas).toHaveLength(1);
    expect(deltas[0]).not.toHaveProperty('usage');
  });

  test('the vendor sees a client that leaves a stream', async () => {
    vendor.next({ breakAfter: { events: 4, with: 'hang' } });
    for await (const event of await client.messages.create({ ...request, stream: true })) {
      if (event.type === 'content_block_delta') break;
    }
    await expect(vendor.requests[0]?.aborted).resolves.toBeUndefined();
  });
});

function identity(error: unknown): unknown {
  return error;
}
