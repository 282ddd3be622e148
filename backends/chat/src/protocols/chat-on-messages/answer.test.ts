import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#shared/json.ts';
import { messageAnswerFixture } from '../fixtures/message-answer.ts';
import { dataOf, openAiThrough, recorded, translated } from '../fixtures/translated-clients.ts';
import { vendorFault } from '../fixtures/refusal.ts';
import { objectOf, optionalArray } from '../vendor-reading.ts';
import { chatOnMessages } from './chat-on-messages.ts';

const asked = { model: 'claude-sonnet-5', messages: [{ role: 'user', content: 'Hi' } as const] };
const usage = {
  prompt_tokens: 35,
  completion_tokens: 42,
  total_tokens: 77,
  prompt_tokens_details: { cached_tokens: 20, cache_write_tokens: 5 },
};
const calls = [
  { id: 'toolu_01A', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Köln"}' } },
  { id: 'toolu_01B', type: 'function', function: { name: 'get_time', arguments: '{}' } },
];

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('Anthropic’s whole answer', () => {
  it('is a chat completion for OpenAI’s SDK: text, calls, thoughts, usage', async () => {
    const completion = await openAiThrough(chatOnMessages, messageAnswerFixture).chat.completions.create(asked);
    expect(completion).toMatchObject({
      id: 'chatcmpl-01XFDUDYJgAACzvnptvVoYEL',
      object: 'chat.completion',
      model: 'claude-sonnet-5',
      choices: [
        {
          index: 0,
          finish_reason: 'tool_calls',
          message: {
            role: 'assistant',
            content: 'Looking.',
            reasoning_content: 'Two tools.',
            tool_calls: calls,
            refusal: null,
          },
        },
      ],
      usage: { ...usage, completion_tokens_details: { reasoning_tokens: 12 } },
    });
    expect(JSON.stringify(completion)).not.toContain('EqQBCgIYAhIM');
  });

  it.each([
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['pause_turn', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['constructor', 'stop'],
  ])('that stopped for %s finished for %s', (stop_reason, finish_reason) => {
    const answer = chatOnMessages.answer({ ...messageAnswerFixture, stop_reason }, {});
    expect(answer).toMatchObject({ choices: [{ finish_reason }] });
  });

  it.each<[string, unknown]>([
    ['id', 5],
    ['content', 'text'],
    ['content', [null]],
    ['content', [{ type: 'text', text: {} }]],
    ['content', [{ type: 'tool_use', id: 'a', name: 'b', input: 'c' }]],
    ['content', JSON.parse(`[{"type":"tool_use","id":"a","name":"b","input":{"c":${nested(50_000)}}}]`)],
    ['stop_reason', null],
    ['usage', null],
    ['usage', { input_tokens: -1 }],
    ['usage', { input_tokens: 'ten' }],
    ['stop_details', 'x'],
  ])('is the vendor’s fault where %s is unusable', (name, value) => {
    expect(() => chatOnMessages.answer({ ...messageAnswerFixture, [name]: value }, {})).toThrow(vendorFault());
  });
});

describe('Anthropic’s stream', () => {
  it('is a stream of chunks for OpenAI’s SDK, with usage at the end', async () => {
    const { completion, chunks } = await streamed('messages-text');
    expect(completion.choices[0]?.message.content).toBe('Hällo 🌍!\ndata: [DONE]');
    expect(completion.choices[0]?.finish_reason).toBe('stop');
    expect(completion.usage).toMatchObject({ prompt_tokens: 35, completion_tokens: 15, total_tokens: 50 });
    expect(chunks.map(({ choices }) => choices[0]?.delta)).toEqual([
      { role: 'assistant', content: '' },
      { content: 'Hällo' },
      { content: ' 🌍!\ndata: [DONE]' },
      {},
      undefined,
    ]);
    expect(new Set(chunks.map(({ id }) => id))).toEqual(new Set(['chatcmpl-01XFDUDYJgAACzvnptvVoYEL']));
  });

  it('has the calls of tools, in order, with arguments that always parse', async () => {
    const { completion } = await streamed('messages-tools');
    const [choice] = completion.choices;
    expect(choice?.finish_reason).toBe('tool_calls');
    expect(choice?.message).toMatchObject({
      content: 'Looking.',
      tool_calls: [{ ...calls[0], function: { arguments: '{"city": "Köln"}' } }, calls[1]],
    });
  });

  it('has thoughts where OpenAI-compatible clients look for them, and no signatures', async () => {
    const stream = await translated(recorded('messages-thinking'), chatOnMessages.stream({}));
    const deltas = dataOf(stream).flatMap((chunk) => deltasOf(chunk));
    expect(deltas.map((delta) => delta['reasoning_content']).join('')).toBe('Two and two.');
    expect(deltas.map((delta) => delta['content']).join('')).toBe('Four.');
    expect(stream).not.toContain('EqQBCgIYAhIM');
    expect(stream).toContain('"reasoning_tokens":22');
  });

  it('says that the filter ended it, and why', async () => {
    const { completion } = await streamed('messages-refusal');
    expect(completion.choices[0]).toMatchObject({
      finish_reason: 'content_filter',
      message: { content: 'First', refusal: 'Not allowed.' },
    });
  });

  it('breaks with the vendor’s error, never with an end', async () => {
    const bytes = recorded('messages-overloaded');
    await expect(translated(bytes, chatOnMessages.stream({}))).rejects.toMatchObject({
      code: 'unavailable',
      message: 'The provider reported an error: Overloaded',
    });
    await expect(streamed('messages-overloaded')).rejects.toThrow('error');
  });

  it('has no end before the vendor’s end, wherever it is cut', async () => {
    const bytes = recorded('messages-tools');
    const end = bytes.indexOf('{"type":"message_stop"}') + '{"type":"message_stop"}'.length;
    for (let cut = 0; cut < end; cut += 3) {
      const stream = await translated(bytes.subarray(0, cut), chatOnMessages.stream({})).catch(() => '');
      expect(stream).not.toContain('[DONE]');
      expect(stream).not.toContain('"usage"');
    }
    expect(await translated(bytes.subarray(0, end), chatOnMessages.stream({}))).toContain('data: [DONE]\n\n');
  });

  it.each([
    'data: nonsense\n\n',
    'data: null\n\n',
    'data: []\n\n',
    'data: {"type":"message_stop"}\n\n',
    'data: {"type":"message_start"}\n\n',
    'data: {"type":"message_start","message":{"id":1}}\n\n',
    'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"before the start"}}\n\n',
    'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":7}}\n\n',
    'data: {"type":"content_block_start","content_block":{"type":"tool_use","id":{}}}\n\n',
    'data: {"type":"message_delta","delta":null}\n\n',
  ])('is the vendor’s fault where it is garbage: %s', async (garbage) => {
    await expect(translated(Buffer.from(garbage), chatOnMessages.stream({}))).rejects.toMatchObject({
      code: 'upstream_failed',
    });
  });

  it('ignores events, blocks and deltas that are yet to be invented', async () => {
    const unknown = [
      'data: {"type":"news","x":1}\n\n',
      'data: {"type":"content_block_start","index":0,"content_block":{"type":"hologram"}}\n\n',
      'data: {"type":"content_block_delta","index":0,"delta":{"type":"hologram_delta"}}\n\n',
      'data: {"type":"content_block_stop","index":0}\n\n',
    ];
    expect(await translated(Buffer.from(unknown.join('')), chatOnMessages.stream({}))).toBe('');
  });
});

async function streamed(name: string) {
  const runner = openAiThrough(chatOnMessages, recorded(name)).chat.completions.stream(asked);
  const chunks = [];
  for await (const chunk of runner) chunks.push(structuredClone(chunk));
  return { completion: await runner.finalChatCompletion(), chunks };
}

function deltasOf(chunk: unknown): JsonObject[] {
  return optionalArray(objectOf(chunk, 'chunk')['choices'], 'choices').map((choice) =>
    objectOf(objectOf(choice, 'choice')['delta'], 'delta'),
  );
}
