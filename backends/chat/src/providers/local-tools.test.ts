import { text } from 'node:stream/consumers';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { ProviderCall } from '../completion/chat-provider.ts';
import type { Protocol } from '../protocols/protocol.ts';
import { createLocalProvider } from './local.ts';

const local = createLocalProvider();

function call(protocol: Protocol, fields: { model: string } & Record<string, unknown>): ProviderCall {
  const signal = AbortSignal.timeout(10_000);
  return {
    protocol,
    model: fields.model,
    headers: {},
    body: Buffer.from(JSON.stringify(fields)),
    requestId: 'r',
    signal,
  };
}

const RequestBody = z.looseObject({ model: z.string(), stream: z.boolean().optional() });

/** The SDK on top of the stand-in, so that it is the SDK who understands the answers. */
const client = new OpenAI({
  apiKey: 'none',
  maxRetries: 0,
  fetch: async (url, init) => {
    const request = new Request(url, init);
    const protocol = request.url.endsWith('/embeddings') ? 'embeddings' : 'chat-completions';
    const body = RequestBody.parse(await request.json());
    if (!body.stream) return new Response(Buffer.from(await local.complete(call(protocol, body))), { headers: json });
    return new Response(await text(await local.stream(call(protocol, body))), { headers: events });
  },
});
const json = { 'content-type': 'application/json' };
const events = { 'content-type': 'text/event-stream' };

const parameters = {
  type: 'object',
  properties: {
    city: { type: 'string' },
    days: { type: 'integer' },
    unit: { enum: ['celsius', 'fahrenheit'] },
    exact: { type: 'boolean' },
    tags: { type: 'array' },
    at: { type: 'object', properties: { name: {} }, required: ['name'] },
    note: { type: 'string' },
  },
  required: ['city', 'days', 'unit', 'exact', 'tags', 'at'],
};
const tools = [{ type: 'function' as const, function: { name: 'get_weather', parameters } }];
const messages = [{ role: 'user' as const, content: 'Århus' }];
const called = { city: 'Århus', days: 1, unit: 'celsius', exact: true, tags: [], at: { name: 'Århus' } };

describe('tools=call', () => {
  const request = { model: 'echo:tools=call', messages, tools };

  it('calls the first tool with what it requires and nothing else, whole and streamed alike', async () => {
    const whole = await client.chat.completions.create(request);
    const streamed = await client.chat.completions.stream(request).finalChatCompletion();
    for (const { choices } of [whole, streamed]) {
      expect(choices[0]).toMatchObject({ finish_reason: 'tool_calls', message: { content: null } });
      const [toolCall] = choices[0]?.message.tool_calls ?? [];
      if (toolCall?.type !== 'function') throw new Error('no function was called');
      expect(toolCall).toMatchObject({ id: 'call_local_1', function: { name: 'get_weather' } });
      expect(JSON.parse(toolCall.function.arguments)).toEqual(called);
    }
    expect(whole.usage?.completion_tokens).toBeGreaterThan(1);
  });

  it('answers with text once the tool has, where it may call none, and where it is not asked to', async () => {
    const use = { id: 'call_local_1', type: 'function' as const, function: { name: 'get_weather', arguments: '{}' } };
    const answered = [
      ...messages,
      { role: 'assistant' as const, tool_calls: [use] },
      { role: 'tool' as const, tool_call_id: 'call_local_1', content: '12 degrees' },
    ];
    for (const fields of [{ messages: answered }, { tool_choice: 'none' as const }, { tools: [] }, { model: 'echo' }]) {
      const { choices } = await client.chat.completions.create({ ...request, ...fields });
      expect(choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'You said: Århus' } });
      expect(choices[0]?.message).not.toHaveProperty('tool_calls');
    }
  });

  it('stops inside the arguments at max_tokens', async () => {
    const { choices, usage } = await client.chat.completions.create({ ...request, max_tokens: 2 });
    expect(choices[0]).toMatchObject({ finish_reason: 'length' });
    expect(usage?.completion_tokens).toBe(2);
  });
});

describe('its embeddings', () => {
  const embed = async (input: string | string[], dimensions?: number): Promise<number[][]> => {
    const { data } = await client.embeddings.create({ model: 'embed', input, ...(dimensions && { dimensions }) });
    return data.map(({ embedding }) => embedding);
  };
  const similarity = (a: number[] = [], b: number[] = []): number =>
    a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);

  it('are the same for the same text, of length one, and nearer where words are shared', async () => {
    const [cat, same, feline, stone] = await embed(['a black cat', 'A black cat!', 'the black cat sat', 'granite']);
    expect(cat).toHaveLength(256);
    expect(cat).toEqual(same);
    expect(similarity(cat, cat)).toBeCloseTo(1, 5);
    expect(similarity(cat, feline)).toBeGreaterThan(similarity(cat, stone));
    expect(similarity(cat, stone)).toBe(0);
  });

  it('have as many dimensions as asked for, also of an empty text and of tokens', async () => {
    const [empty] = await embed('', 3);
    expect(empty).toHaveLength(3);
    expect(similarity(empty, empty)).toBeCloseTo(1, 5);
    for (const [input, count] of [
      [[1, 2], 1],
      [[[1, 2], [3]], 2],
    ] as const) {
      const answer: unknown = JSON.parse(
        String(Buffer.from(await local.complete(call('embeddings', { model: 'embed', input })))),
      );
      expect(answer).toMatchObject({ object: 'list', model: 'local/embed' });
      expect(answer).toHaveProperty('data.length', count);
    }
  });

  it.each([
    ['chat-completions', { model: 'embed', messages }],
    ['embeddings', { model: 'echo', input: 'x' }],
    ['embeddings', { model: 'embed', input: [] }],
    ['embeddings', { model: 'embed', input: 'x', dimensions: 0 }],
    ['chat-completions', { model: 'echo', messages: [{ role: 'user', content: [{ text: 5 }] }] }],
  ] as const)('%s of %o is refused as the caller’s fault', async (protocol, fields) => {
    await expect(local.complete(call(protocol, fields))).rejects.toMatchObject({ code: 'validation_failed' });
  });
});
