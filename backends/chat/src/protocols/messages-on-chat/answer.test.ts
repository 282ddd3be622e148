import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#shared/json.ts';
import { chatAnswerFixture } from '../fixtures/chat-answer.ts';
import { vendorFault } from '../fixtures/refusal.ts';
import { anthropicThrough, dataOf, recorded, translated } from '../fixtures/translated-clients.ts';
import { messagesOnChat } from './messages-on-chat.ts';

const asked = { model: 'gpt-5.2', max_tokens: 100, messages: [{ role: 'user', content: 'Hi' } as const] };
const usage = {
  input_tokens: 15,
  cache_read_input_tokens: 20,
  cache_creation_input_tokens: 0,
  output_tokens: 15,
  output_tokens_details: { thinking_tokens: 4 },
};
const [choice] = chatAnswerFixture.choices;

function answered(message: JsonObject, more: JsonObject = {}): JsonObject {
  return messagesOnChat.answer({ ...chatAnswerFixture, choices: [{ ...choice, message, ...more }] }, {});
}

describe('OpenAI’s whole answer', () => {
  it('is a message for Anthropic’s SDK: text, calls, usage', async () => {
    const message = await anthropicThrough(messagesOnChat, chatAnswerFixture).messages.create(asked);
    expect(message).toMatchObject({
      id: 'msg_9lMgfRSWPHcw51s6wxKT1YEO2CKpd',
      type: 'message',
      role: 'assistant',
      model: 'gpt-5.2',
      content: [
        { type: 'text', text: 'Looking.', citations: null },
        { type: 'tool_use', id: 'call_A', name: 'get_weather', input: { city: 'Köln' } },
        { type: 'tool_use', id: 'call_B', name: 'get_time', input: {} },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      usage,
    });
  });

  it.each([
    ['stop', 'end_turn'],
    ['length', 'max_tokens'],
    ['content_filter', 'refusal'],
    ['function_call', 'end_turn'],
    [null, 'end_turn'],
    ['eos', 'end_turn'],
    ['toString', 'end_turn'],
  ])('that finished for %s stopped for %s', (finish_reason, stop_reason) => {
    expect(answered({ content: 'x' }, { finish_reason })).toMatchObject({ stop_reason });
  });

  it('stopped for its calls even where the vendor says just stop', () => {
    expect(answered({ ...choice?.message }, { finish_reason: 'stop' })).toMatchObject({ stop_reason: 'tool_use' });
  });

  it.each(['reasoning', 'reasoning_content'])('has %s as thoughts before the text', (name) => {
    expect(answered({ content: 'Four.', [name]: 'Two and two.' })['content']).toEqual([
      { type: 'thinking', thinking: 'Two and two.', signature: '' },
      { type: 'text', text: 'Four.', citations: null },
    ]);
  });

  it('is a refusal where the model refused', () => {
    expect(answered({ content: null, refusal: 'No.' }, { finish_reason: 'stop' })).toMatchObject({
      content: [{ type: 'text', text: 'No.' }],
      stop_reason: 'refusal',
    });
  });

  it('has no call whose arguments the output limit cut off', () => {
    const tool_calls = [{ id: 'a', function: { name: 'b', arguments: '{"c":' } }];
    expect(answered({ tool_calls }, { finish_reason: 'length' })).toMatchObject({
      content: [],
      stop_reason: 'max_tokens',
    });
    expect(() => answered({ tool_calls }, { finish_reason: 'tool_calls' })).toThrow(vendorFault());
  });

  it('is the vendor’s fault where arguments are nested deeper than could be written again', () => {
    const json = `{"a":${'['.repeat(50_000)}${']'.repeat(50_000)}}`;
    const tool_calls = [{ id: 'a', function: { name: 'b', arguments: json } }];
    expect(() => answered({ tool_calls })).toThrow(vendorFault());
  });

  it.each<[string, unknown]>([
    ['choices', null],
    ['choices', []],
    ['choices', [5]],
    ['choices', [{ message: null }]],
    ['choices', [{ message: { content: [] } }]],
    ['choices', [{ message: { tool_calls: [{ id: 'a' }] } }]],
    ['choices', [{ message: { tool_calls: {} } }]],
    ['usage', 'much'],
    ['usage', { prompt_tokens: -5 }],
    ['usage', { prompt_tokens_details: 'x' }],
    ['error', { message: 'not today' }],
  ])('is the vendor’s fault where %s is %j', (name, value) => {
    expect(() => messagesOnChat.answer({ ...chatAnswerFixture, [name]: value }, {})).toThrow(vendorFault());
  });
});

describe('OpenAI’s stream', () => {
  it('is a stream of events for Anthropic’s SDK, with usage at the end', async () => {
    const { message, types } = await streamed('chat-text');
    expect(message).toMatchObject({
      content: [{ type: 'text', text: 'Hällo 🌍!\ndata: [DONE]' }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage,
    });
    expect(types).toEqual([
      'message_start',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ]);
  });

  it.each(['chat-tools', 'chat-interleaved-tools'])('has every call in a block of its own: %s', async (name) => {
    const { message, events } = await streamed(name);
    expect(message.stop_reason).toBe('tool_use');
    expect(message.content.filter(({ type }) => type === 'tool_use')).toMatchObject([
      { id: 'call_A', name: 'get_weather', input: { city: 'Köln' } },
      { id: 'call_B', name: 'get_time' },
    ]);
    expect(message.content.flatMap((block) => (block.type === 'text' ? block.text : [])).join('')).toBe('Looking.');
    expectOneBlockAtATime(events);
  });

  it('passes a second call on while it comes, where the first is complete', () => {
    const translator = messagesOnChat.stream(asked);
    const pushed = dataOf(String(recorded('chat-tools')).replace(/^:.*\n\n/, '')).map((chunk) =>
      translator.push({ event: 'message', data: JSON.stringify(chunk) }),
    );
    expect(pushed[5]).toContain('"name":"get_time"');
    expect(pushed[6]).toContain('"partial_json":"{}"');
  });

  it('begins with an estimate of the input, and ends with one of everything where the vendor says nothing', async () => {
    const bytes = Buffer.from(String(recorded('chat-text')).replace(/data: {[^\n]*"usage":{[^\n]*\n\n/, ''));
    const client = anthropicThrough(messagesOnChat, bytes);
    const long = { ...asked, messages: [{ role: 'user' as const, content: 'x'.repeat(400) }] };
    const events = [];
    for await (const event of client.messages.stream(long)) events.push(structuredClone(event));
    expect(events[0]).toMatchObject({ message: { usage: { input_tokens: 104, output_tokens: 0 } } });
    expect(events.at(-2)).toMatchObject({ usage: { input_tokens: 104, output_tokens: 6 } });
  });

  it('has thoughts in a block before the text, and says that the limit was met', async () => {
    const { message } = await streamed('chat-reasoning');
    expect(message).toMatchObject({
      content: [
        { type: 'thinking', thinking: 'Two and two.' },
        { type: 'text', text: 'Four.' },
      ],
      stop_reason: 'max_tokens',
    });
  });

  it('breaks with the vendor’s error, without its secrets and never with an end', async () => {
    const error = await translated(recorded('chat-error'), messagesOnChat.stream(asked)).catch(
      (error: unknown) => error,
    );
    expect(error).toMatchObject({ code: 'upstream_failed' });
    expect(String(error)).toContain('The server had an error');
    expect(String(error)).not.toContain('abcdefghijklmnop');
  });

  it('has no end before [DONE], wherever it is cut', async () => {
    const bytes = recorded('chat-tools');
    const end = bytes.lastIndexOf('[DONE]') + '[DONE]'.length;
    for (let cut = 0; cut < end; cut += 5) {
      const stream = await translated(bytes.subarray(0, cut), messagesOnChat.stream(asked)).catch(() => '');
      expect(stream).not.toContain('message_stop');
      expect(stream).not.toContain('message_delta');
    }
    expect(await translated(bytes.subarray(0, end), messagesOnChat.stream(asked))).toContain('message_stop');
  });

  it('has only whole events: a name and data in one line, then a blank line', async () => {
    const stream = await translated(recorded('chat-text'), messagesOnChat.stream(asked));
    for (const event of stream.split('\n\n').slice(0, -1))
      expect(event).toMatch(/^event: (\w+)\ndata: {"type":"\1".*}$/);
  });

  it.each<[string, unknown[]]>([
    [
      'calls without an index',
      [call({ id: 'a', name: 'f', args: '{}' }), call({ args: '' }), call({ id: 'b', name: 'g', args: '{}' })],
    ],
    [
      'calls that share an index',
      [call({ index: 0, id: 'a', name: 'f', args: '{}' }), call({ index: 0, id: 'b', name: 'g', args: '{}' })],
    ],
    [
      'calls that repeat their id',
      [
        call({ index: 0, id: 'a', name: 'f' }),
        call({ index: 0, id: 'a', name: 'f', args: '{}' }),
        call({ index: 1, id: 'b', name: 'g' }),
      ],
    ],
  ])('tells %s apart', async (_name, chunks) => {
    const stream = await translated(streamOf(chunks), messagesOnChat.stream(asked));
    expect(stream.match(/"content_block":{"type":"tool_use","id":"\w"/g)).toHaveLength(2);
  });

  it.each<[string, unknown]>([
    ['a text', 'x'],
    ['an array', []],
    ['choices that are none', { choices: 5 }],
    ['a choice that is null', { choices: [null] }],
    ['a delta that is a text', { choices: [{ delta: 'x' }] }],
    ['content that is a number', { choices: [{ delta: { content: 5 } }] }],
    ['calls that are none', { choices: [{ delta: { tool_calls: 'x' } }] }],
    ['a call without a name', call({ index: 0, id: 'a', args: '{}' })],
    ['usage that cannot be', { choices: [], usage: { prompt_tokens: 1.5 } }],
  ])('is the vendor’s fault where a chunk is %s', async (_name, chunk) => {
    await expect(translated(streamOf([chunk]), messagesOnChat.stream(asked))).rejects.toEqual(vendorFault());
  });

  it('is the vendor’s fault where it ends before it began, or continues a call that was complete', async () => {
    const chunks = [
      call({ index: 0, id: 'a', name: 'f', args: '{}' }),
      call({ index: 1, id: 'b', name: 'g' }),
      call({ index: 0, args: '{}' }),
    ];
    await expect(translated(Buffer.from('data: [DONE]\n\n'), messagesOnChat.stream(asked))).rejects.toEqual(
      vendorFault(),
    );
    await expect(translated(streamOf(chunks), messagesOnChat.stream(asked))).rejects.toEqual(vendorFault());
  });
});

async function streamed(name: string) {
  const stream = anthropicThrough(messagesOnChat, recorded(name)).messages.stream(asked);
  const events = [];
  for await (const event of stream) events.push(event);
  return { message: await stream.finalMessage(), events, types: events.map(({ type }) => type) };
}

/** Start, deltas and stop of block 0, then those of block 1, and so on. */
function expectOneBlockAtATime(events: { type: string; index?: number }[]): void {
  const steps = events.flatMap(({ type, index }) => (index === undefined ? [] : `${type} ${index}`));
  const distinct = steps.filter((step, at) => step !== steps[at - 1]);
  const blocks = Array.from({ length: distinct.length / 3 }, (_, index) => index);
  expect(distinct).toEqual(
    blocks.flatMap((index) => ['start', 'delta', 'stop'].map((step) => `content_block_${step} ${index}`)),
  );
}

function call({ index, id, name, args }: { index?: number; id?: string; name?: string; args?: string }): JsonObject {
  return { choices: [{ delta: { tool_calls: [{ index, id, function: { name, arguments: args } }] } }] };
}

function streamOf(chunks: unknown[]): Buffer {
  return Buffer.from(
    [...chunks.map((chunk) => JSON.stringify(chunk)), '[DONE]'].map((data) => `data: ${data}\n\n`).join(''),
  );
}
