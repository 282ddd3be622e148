import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#shared/json.ts';
import { refusalOf } from '../fixtures/refusal.ts';
import { responsesRequestFixture } from '../fixtures/responses-request.ts';
import { chatRequest } from './request.ts';

const options = { model: 'llama', maxOutputTokens: 4_096, outputLimitField: 'max_completion_tokens' as const };
const request = (body: JsonObject): JsonObject => chatRequest({ model: 'x', input: 'Hi', ...body }, options);
const minimal = { model: 'llama', messages: [{ role: 'user', content: 'Hi' }] };
const tools = ['a', 'b'].map((name) => ({ type: 'function', name, parameters: {}, strict: null }));

describe('a Responses request for chat completions', () => {
  it('keeps everything that has a counterpart', () => {
    expect(chatRequest(responsesRequestFixture, options)).toEqual({
      model: 'llama',
      messages: [
        { role: 'system', content: 'Be brief.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is on this?' },
            { type: 'image_url', image_url: { url: 'https://example.org/cat.jpg', detail: 'low' } },
            { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' } },
          ],
        },
        {
          role: 'assistant',
          content: 'Looking.',
          tool_calls: [
            { id: 'call_A', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Köln"}' } },
            { id: 'call_B', type: 'function', function: { name: 'get_map', arguments: '{}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_A', content: 'rain' },
        { role: 'tool', tool_call_id: 'call_B', content: 'a map' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Attached to the result of the tool call call_B:' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          ],
        },
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'Well?' },
      ],
      tools: [
        {
          type: 'function',
          function: {
            name: 'get_weather',
            description: 'Of a city',
            strict: true,
            parameters: { type: 'object', properties: { city: { type: 'string' } } },
          },
        },
        { type: 'function', function: { name: 'get_map' } },
      ],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
      parallel_tool_calls: false,
      max_completion_tokens: 500,
      temperature: 0.5,
      top_p: 0.9,
      reasoning_effort: 'low',
      verbosity: 'low',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'weather', strict: true, schema: { type: 'object' } },
      },
      user: 'user-1',
    });
  });

  it.each(['store', 'metadata', 'service_tier', 'prompt_cache_key', 'truncation', 'max_tool_calls', 'unknown_field'])(
    'leaves %s out, and changes nothing else for it',
    (name) => {
      expect(request({ [name]: 1 })).toEqual(minimal);
    },
  );

  it('asks a stream for its usage, without which nothing could be charged', () => {
    expect(request({ stream: true })).toEqual({ ...minimal, stream: true, stream_options: { include_usage: true } });
  });

  it('offers only the tools that the choice allows', () => {
    const tool_choice = { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'b' }] };
    expect(request({ tools, tool_choice })).toMatchObject({
      tools: [{ function: { name: 'b' } }],
      tool_choice: 'required',
    });
  });

  it('answers a call without words in a message without content', () => {
    const input = [{ type: 'function_call', call_id: 'a', name: 'f', arguments: '{}' }];
    expect(request({ input })['messages']).toMatchObject([
      { role: 'assistant', content: null, tool_calls: [{ id: 'a' }] },
    ]);
  });

  it.each<[string, JsonObject]>([
    ['previous_response_id', { previous_response_id: 'resp_1' }],
    ['conversation', { conversation: 'conv_1' }],
    ['prompt', { prompt: { id: 'pmpt_1' } }],
    ['background', { background: true }],
    ['moderation', { moderation: { model: 'x' } }],
    ['top_logprobs', { top_logprobs: 3 }],
    ['include.0', { include: ['message.output_text.logprobs'] }],
    ['include', { include: 'everything' }],
    ['input', { input: 5 }],
    ['input.0', { input: [null] }],
    ['input.0.type', { input: [{ type: 'item_reference', id: 'msg_1' }] }],
    ['input.0.type', { input: [{ type: 'web_search_call', id: 'ws_1' }] }],
    ['input.0.type', { input: [{ type: '__proto__' }] }],
    ['input.0.role', { input: [{ content: 'x' }] }],
    ['input.0.content', { input: [{ role: 'user' }] }],
    ['input.0.content', { input: [{ role: 'system', content: [{ type: 'input_image', image_url: 'https://a.b' }] }] }],
    ['input.0.content.0', { input: [{ role: 'user', content: [[]] }] }],
    ['input.0.content.0.type', { input: [{ role: 'user', content: [{ type: 'input_audio' }] }] }],
    ['input.0.content.0.text', { input: [{ role: 'user', content: [{ type: 'input_text' }] }] }],
    ['input.0.content.0.file_id', { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'f' }] }] }],
    [
      'input.0.content.0.file_url',
      { input: [{ role: 'user', content: [{ type: 'input_file', file_url: 'https://a' }] }] },
    ],
    ['input.0.call_id', { input: [{ type: 'function_call', name: 'f', arguments: '{}' }] }],
    ['input.0.output', { input: [{ type: 'function_call_output', call_id: 'a' }] }],
    ['tools.0.type', { tools: [{ type: 'web_search' }] }],
    ['tools.0.type', { tools: [{ type: 'file_search', vector_store_ids: [] }] }],
    ['tools.0.type', { tools: [{ type: 'computer_use_preview' }] }],
    ['tools.0.parameters', { tools: [{ type: 'function', name: 'a', parameters: 'x' }] }],
    ['tool_choice', { tool_choice: 'required' }],
    ['tool_choice', { tools, tool_choice: 'sometimes' }],
    ['tool_choice.type', { tools, tool_choice: { type: 'mcp' } }],
    ['text', { text: 'x' }],
    ['text.format.type', { text: { format: { type: 'xml' } } }],
    ['text.format.schema', { text: { format: { type: 'json_schema', name: 'x' } } }],
    ['reasoning', { reasoning: 'low' }],
    ['max_output_tokens', { max_output_tokens: 0 }],
  ])('refuses what it cannot carry over, naming %s', (path, fields) => {
    expect(() => request(fields)).toThrow(refusalOf(path));
  });

  it('takes ten thousand items', () => {
    const input = Array.from({ length: 10_000 }, () => ({ role: 'user', content: 'x' }));
    expect(request({ input })['messages']).toHaveLength(10_000);
  });
});
