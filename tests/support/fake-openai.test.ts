import OpenAI, { AuthenticationError, NotFoundError } from 'openai';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createFakeOpenAi } from './fake-openai.ts';
import { unknownModel } from './vendor-script.ts';
import type { FakeVendor } from './vendor-server.ts';

const messages = [{ role: 'user' as const, content: 'Hi' }];
const request = { model: 'gpt-4o', messages };
const weather = { id: 'call_1', name: 'get_weather', arguments: { city: 'Århus' } };
const weatherTool = {
  type: 'function' as const,
  function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
};

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

async function raw(body: object): Promise<string> {
  const answer = await fetch(`${vendor.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${vendor.apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  return await answer.text();
}

describe('protocol', () => {
  test('a completion has text, finish reason and usage', async () => {
    const completion = await client.chat.completions.create(request);
    expect(completion.choices[0]?.message).toMatchObject({ role: 'assistant', content: 'Hello, world!' });
    expect(completion.choices[0]?.finish_reason).toBe('stop');
    expect(completion.usage?.total_tokens).toBe(13);
  });

  test('a stream starts with the role, ends with the finish reason, then usage without choices, then [DONE]', async () => {
    const wire = await raw({ ...request, stream: true, stream_options: { include_usage: true } });
    const events = wire.split('\n\n').filter((event) => event !== '');
    expect(events.at(-1)).toBe('data: [DONE]');
    expect(events.at(-2)).toContain('"choices":[]');
    expect(events.at(-2)).toContain('"total_tokens":13');
    expect(events.at(-3)).toContain('"finish_reason":"stop"');
    expect(events[0]).toContain('"delta":{"role":"assistant","content":""');
    expect(events[0]).toContain('"usage":null');
    expect((await streamed({ usage: true })).usage?.total_tokens).toBe(13);
  });

  test('a stream that did not ask for usage has none', async () => {
    expect(await raw({ ...request, stream: true })).not.toContain('usage');
  });

  test('tool calls arrive whole and in pieces', async () => {
    vendor.always({ toolCalls: [weather] });
    const whole = await client.chat.completions.create({ ...request, tools: [weatherTool] });
    const stream = client.chat.completions.stream({ ...request, tools: [weatherTool] });
    for (const { choices } of [whole, await stream.finalChatCompletion()]) {
      const call = choices[0]?.message.tool_calls?.[0];
      expect(call).toMatchObject({ id: 'call_1', type: 'function', function: { name: 'get_weather' } });
      expect(call?.type === 'function' && call.function.arguments).toBe('{"city":"Århus"}');
      expect(choices[0]?.finish_reason).toBe('tool_calls');
      expect(choices[0]?.message.content).toBeNull();
    }
  });

  test('models are listed and found by id', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toContain('gpt-4o');
    expect(await client.models.retrieve('gpt-4o')).toMatchObject({ id: 'gpt-4o', object: 'model' });
    await expect(client.models.retrieve('gpt-0')).rejects.toBeInstanceOf(NotFoundError);
  });

  test('embeddings come as floats and in the base64 that the SDK prefers', async () => {
    const input = ['a', 'bb'];
    const model = 'text-embedding-3-small';
    const encoded = await client.embeddings.create({ model, input });
    const floats = await client.embeddings.create({ model, input, encoding_format: 'float' });
    expect(encoded.data.map(({ embedding }) => [...embedding])).toEqual(floats.data.map(({ embedding }) => embedding));
    expect(floats.data[1]?.embedding).toHaveLength(8);
    expect(floats.data[0]?.embedding).not.toEqual(floats.data[1]?.embedding);
  });

  test('responses come whole and streamed, with text and with tool calls', async () => {
    vendor.always({ text: ['Let me ', 'see.'], toolCalls: [weather] });
    const whole = await client.responses.create({ model: 'gpt-5', input: 'Hi' });
    expect(whole.output_text).toBe('Let me see.');
    const stream = client.responses.stream({ model: 'gpt-5', input: 'Hi' });
    const deltas: string[] = [];
    stream.on('response.output_text.delta', ({ delta }) => deltas.push(delta));
    const final = await stream.finalResponse();
    expect(deltas).toEqual(['Let me ', 'see.']);
    for (const { output, usage, status } of [whole, final]) {
      expect(output[1]).toMatchObject({ type: 'function_call', call_id: 'call_1', arguments: '{"city":"Århus"}' });
      expect(usage?.total_tokens).toBe(13);
      expect(status).toBe('completed');
    }
  });

  test('a missing or wrong key is 401 in the error shape of OpenAI, and spends no script', async () => {
    vendor.next({ text: ['spent'] });
    const error: unknown = await clientWith('sk-wrong').chat.completions.create(request).catch(identity);
    expect(error).toBeInstanceOf(AuthenticationError);
    expect(error).toMatchObject({ status: 401, code: 'invalid_api_key', type: 'invalid_request_error' });
    const answer = await fetch(`${vendor.url}/v1/models`);
    expect(answer.status).toBe(401);
    expect((await client.chat.completions.create(request)).choices[0]?.message.content).toBe('spent');
  });

  test('bad requests, unknown models and unknown paths get the codes of OpenAI', async () => {
    expect(await raw({ model: 'gpt-4o' })).toContain('"param":"messages"');
    expect(await raw({ ...request, stream_options: { include_usage: true } })).toContain('only allowed when');
    const error: unknown = await client.chat.completions.create({ ...request, model: unknownModel }).catch(identity);
    expect(error).toMatchObject({ status: 404, code: 'model_not_found' });
    await expect(client.get('/nothing')).rejects.toBeInstanceOf(NotFoundError);
  });

  test('requests are recorded with headers and parsed body', async () => {
    await client.chat.completions.create(request);
    expect(vendor.requests).toHaveLength(1);
    expect(vendor.requests[0]).toMatchObject({ method: 'POST', path: '/v1/chat/completions', body: request });
    expect(vendor.requests[0]?.headers['content-type']).toBe('application/json');
  });
});

function identity(error: unknown): unknown {
  return error;
}
