import type { ResponseStreamEvent } from 'openai/resources/responses/responses';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#shared/json.ts';
import { compose } from '../compose.ts';
import { chatOnMessages } from '../chat-on-messages/chat-on-messages.ts';
import { chatAnswerFixture } from '../fixtures/chat-answer.ts';
import { messageAnswerFixture } from '../fixtures/message-answer.ts';
import { refusalOf, vendorFault } from '../fixtures/refusal.ts';
import { responsesRequestFixture } from '../fixtures/responses-request.ts';
import { openAiThrough, recorded, translated } from '../fixtures/translated-clients.ts';
import type { Translation } from '../protocol.ts';
import { namesInResponses, responsesOnChat } from './responses-on-chat.ts';

const asked = { model: 'llama-4', input: 'Hi' };
const usage = {
  input_tokens: 35,
  input_tokens_details: { cached_tokens: 20, cache_write_tokens: 0 },
  output_tokens: 15,
  output_tokens_details: { reasoning_tokens: 4 },
  total_tokens: 50,
};
const responsesOnMessages = compose(responsesOnChat, chatOnMessages, namesInResponses);
const weather = { type: 'function_call', call_id: 'call_A', name: 'get_weather', status: 'completed' };

describe('a whole chat completion', () => {
  it('is a response for OpenAI’s SDK, and repeats what was asked', async () => {
    const client = openAiThrough(responsesOnChat, chatAnswerFixture);
    const response = await client.responses.create(responsesRequestFixture);
    expect(response).toMatchObject({
      id: 'resp_9lMgfRSWPHcw51s6wxKT1YEO2CKpd',
      object: 'response',
      created_at: 1721075653,
      status: 'completed',
      model: 'gpt-5.2',
      output_text: 'Looking.',
      output: [
        { type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'Looking.', annotations: [] }] },
        { ...weather, arguments: '{"city":"Köln"}' },
        { ...weather, call_id: 'call_B', name: 'get_time' },
      ],
      incomplete_details: null,
      error: null,
      usage,
      store: false,
      instructions: 'Be brief.',
      metadata: { team: 'x' },
      max_output_tokens: 500,
      parallel_tool_calls: false,
      tools: responsesRequestFixture.tools,
    });
  });

  it.each([
    ['length', 'incomplete', { reason: 'max_output_tokens' }],
    ['content_filter', 'incomplete', { reason: 'content_filter' }],
    ['stop', 'completed', null],
  ])('that finished for %s is %s', (finish_reason, status, incomplete_details) => {
    const choices = [{ message: { content: 'x' }, finish_reason }];
    expect(responsesOnChat.answer({ ...chatAnswerFixture, choices }, asked)).toMatchObject({
      status,
      incomplete_details,
    });
  });

  it('has thoughts as a summary, and a refusal as such', () => {
    const choices = [{ message: { reasoning: 'Hm.', refusal: 'No.' } }];
    expect(responsesOnChat.answer({ ...chatAnswerFixture, choices }, asked)).toMatchObject({
      output: [
        { type: 'reasoning', summary: [{ type: 'summary_text', text: 'Hm.' }] },
        { type: 'message', content: [{ type: 'refusal', refusal: 'No.' }] },
      ],
    });
  });
});

describe('a stream of chunks', () => {
  it('is the stream of a response for OpenAI’s SDK', async () => {
    const { response, events } = await streamed(responsesOnChat, 'chat-text');
    expect(response).toMatchObject({ status: 'completed', output_text: 'Hällo 🌍!\ndata: [DONE]', usage });
    expect(events.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
  });

  it.each(['chat-tools', 'chat-interleaved-tools'])('has every call as an item of its own: %s', async (name) => {
    const { response, events } = await streamed(responsesOnChat, name);
    expect(response.output).toMatchObject([
      { type: 'message', content: [{ type: 'output_text', text: 'Looking.' }], status: 'completed' },
      { ...weather, arguments: '{"city": "Köln"}' },
      { ...weather, call_id: 'call_B', name: 'get_time' },
    ]);
    const deltas = events.filter(({ type }) => type === 'response.function_call_arguments.delta');
    expect(deltas.length).toBeGreaterThan(2);
    expectItemsToEnd(events);
  });

  it('has thoughts as a summary that ends before the text, and says that the limit was met', async () => {
    const { response, events } = await streamed(responsesOnChat, 'chat-reasoning');
    expect(response).toMatchObject({
      status: 'incomplete',
      incomplete_details: { reason: 'max_output_tokens' },
      output: [
        { type: 'reasoning', summary: [{ text: 'Two and two.' }], status: 'completed' },
        { type: 'message', content: [{ text: 'Four.' }], status: 'incomplete' },
      ],
    });
    const types = events.map(({ type }) => type);
    expect(types.indexOf('response.output_item.done')).toBeLessThan(types.indexOf('response.output_text.delta'));
    expect(types.at(-1)).toBe('response.incomplete');
  });

  it('has an empty message where the model said nothing', async () => {
    const chunks = 'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\ndata: [DONE]\n\n';
    const stream = openAiThrough(responsesOnChat, Buffer.from(chunks)).responses.stream(asked);
    const response = await stream.finalResponse();
    expect(response.created_at).toBeGreaterThan(1_700_000_000);
    expect(response).toMatchObject({
      status: 'completed',
      usage: null,
      output: [{ type: 'message' }],
      output_text: '',
    });
  });

  it('has no end before [DONE], wherever it is cut', async () => {
    const bytes = recorded('chat-tools');
    const end = bytes.lastIndexOf('[DONE]') + '[DONE]'.length;
    for (let cut = 0; cut < end; cut += 5) {
      const stream = await translated(bytes.subarray(0, cut), responsesOnChat.stream(asked)).catch(() => '');
      expect(stream).not.toContain('response.completed');
      expect(stream).not.toContain('response.incomplete');
    }
  });

  it('breaks with the vendor’s error', async () => {
    await expect(translated(recorded('chat-error'), responsesOnChat.stream(asked))).rejects.toEqual(vendorFault());
    await expect(streamed(responsesOnChat, 'chat-error')).rejects.toThrow('error');
  });
});

describe('a response by way of chat completions from Anthropic', () => {
  it('asks for what was asked', () => {
    const request = { ...responsesRequestFixture, input: 'Hi' };
    expect(
      responsesOnMessages.request(request, {
        model: 'claude',
        maxOutputTokens: 9,
        outputLimitField: 'max_completion_tokens' as const,
      }),
    ).toMatchObject({
      model: 'claude',
      max_tokens: 500,
      system: [{ type: 'text', text: 'Be brief.' }],
      messages: [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }],
      tools: [{ name: 'get_weather', strict: true }, { name: 'get_map' }],
      tool_choice: { type: 'tool', name: 'get_weather', disable_parallel_tool_use: true },
      output_config: { effort: 'low', format: { type: 'json_schema' } },
      metadata: { user_id: 'user-1' },
    });
    expect(
      responsesOnMessages.request(asked, {
        model: 'claude',
        maxOutputTokens: 9,
        outputLimitField: 'max_completion_tokens' as const,
      }),
    ).toMatchObject({
      max_tokens: 9,
    });
  });

  it.each<[string, JsonObject]>([
    ['text.format.type', { text: { format: { type: 'json_object' } } }],
    ['reasoning.effort', { reasoning: { effort: 'much' } }],
    ['input', { input: [{ role: 'user', content: [{ type: 'input_image', image_url: 'ftp://a.b' }] }] }],
    ['input', { input: [{ type: 'function_call', call_id: 'a', name: 'f', arguments: '[' }] }],
  ])('is refused in the caller’s words: %s', (path, fields) => {
    const ask = () =>
      responsesOnMessages.request(
        { ...asked, ...fields },
        { model: 'claude', maxOutputTokens: 9, outputLimitField: 'max_completion_tokens' as const },
      );
    expect(ask).toThrow(refusalOf(path));
  });

  it('is whole', async () => {
    const response = await openAiThrough(responsesOnMessages, messageAnswerFixture).responses.create(asked);
    expect(response).toMatchObject({
      status: 'completed',
      output_text: 'Looking.',
      output: [
        { type: 'reasoning', summary: [{ text: 'Two tools.' }] },
        { type: 'message' },
        { ...weather, call_id: 'toolu_01A', arguments: '{"city":"Köln"}' },
        { ...weather, call_id: 'toolu_01B', name: 'get_time', arguments: '{}' },
      ],
      usage: {
        input_tokens: 35,
        input_tokens_details: { cached_tokens: 20, cache_write_tokens: 5 },
        output_tokens: 42,
      },
    });
  });

  it('is a stream', async () => {
    const { response, events } = await streamed(responsesOnMessages, 'messages-tools');
    expect(response).toMatchObject({
      output_text: 'Looking.',
      output: [{ type: 'message' }, { ...weather, call_id: 'toolu_01A' }, { call_id: 'toolu_01B', arguments: '{}' }],
      usage: { input_tokens: 35, output_tokens: 42 },
    });
    expectItemsToEnd(events);
  });

  it('breaks with the vendor’s error, and has no end without the vendor’s', async () => {
    const bytes = recorded('messages-text');
    const cut = bytes.subarray(0, bytes.indexOf('event: message_stop'));
    expect(await translated(cut, responsesOnMessages.stream(asked))).not.toContain('response.completed');
    await expect(translated(recorded('messages-overloaded'), responsesOnMessages.stream(asked))).rejects.toMatchObject({
      code: 'unavailable',
    });
  });
});

async function streamed(translation: Translation, name: string) {
  const stream = openAiThrough(translation, recorded(name)).responses.stream(asked);
  const events: ResponseStreamEvent[] = [];
  for await (const event of stream) events.push(event);
  return { response: await stream.finalResponse(), events };
}

function expectItemsToEnd(events: ResponseStreamEvent[]): void {
  const added = events.flatMap((event) => (event.type === 'response.output_item.added' ? event.output_index : []));
  const done = events.flatMap((event) => (event.type === 'response.output_item.done' ? event.output_index : []));
  expect(added).toEqual(added.map((_, index) => index));
  expect(new Set(done)).toEqual(new Set(added));
}
