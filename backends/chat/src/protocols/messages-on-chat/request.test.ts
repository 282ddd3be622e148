import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#shared/json.ts';
import { messagesRequestFixture } from '../fixtures/messages-request.ts';
import { refusalOf } from '../fixtures/refusal.ts';
import { chatRequest } from './request.ts';

const options = { model: 'gpt', maxOutputTokens: 4_096, outputLimitField: 'max_completion_tokens' as const };
const hello = { role: 'user', content: 'Hi' };
const request = (body: JsonObject): JsonObject =>
  chatRequest({ model: 'x', max_tokens: 9, messages: [hello], ...body }, options);
const minimal = { model: 'gpt', max_completion_tokens: 9, messages: [hello] };
const tools = [{ name: 'a', input_schema: { type: 'object' } }];

describe('a request in Anthropic’s Messages for OpenAI', () => {
  it('keeps everything that has a counterpart', () => {
    expect(chatRequest({ ...messagesRequestFixture, temperature: 0.5, top_p: 0.9, top_k: 5 }, options)).toEqual({
      model: 'gpt',
      max_completion_tokens: 500,
      messages: [
        { role: 'system', content: 'Be brief.\n\nBe kind.' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is on these?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
            { type: 'image_url', image_url: { url: 'https://example.org/cat.jpg' } },
            { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBERi0=' } },
            { type: 'text', text: 'a.txt\n\nHällo' },
            { type: 'text', text: 'Cats (https://cats.org)\n\nMeow' },
          ],
        },
        {
          role: 'assistant',
          content: 'Looking.',
          tool_calls: [
            { id: 'toolu_A', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Köln"}' } },
            { id: 'toolu_B', type: 'function', function: { name: 'get_map', arguments: '{}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'toolu_A', content: 'Error: no such city' },
        { role: 'tool', tool_call_id: 'toolu_B', content: 'a map' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'Well?' },
            { type: 'text', text: 'Attached to the result of the tool call toolu_B:' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
          ],
        },
        { role: 'system', content: 'Be quick.' },
        { role: 'assistant', content: 'So' },
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
        { type: 'function', function: { name: 'get_map', parameters: { type: 'object' } } },
      ],
      tool_choice: 'required',
      parallel_tool_calls: false,
      temperature: 0.5,
      top_p: 0.9,
      stop: ['END'],
      reasoning_effort: 'medium',
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'answer', schema: { type: 'object' }, strict: true },
      },
      user: 'user-1',
    });
  });

  it.each(['top_k', 'service_tier', 'speed', 'cache_control', 'context_management', 'diagnostics', 'unknown_field'])(
    'leaves %s out, and changes nothing else for it',
    (name) => {
      expect(request({ [name]: 1 })).toEqual(minimal);
    },
  );

  it('asks a stream for its usage, without which nothing could be charged', () => {
    expect(request({ stream: true })).toEqual({ ...minimal, stream: true, stream_options: { include_usage: true } });
  });

  it.each<[JsonObject, unknown]>([
    [{ thinking: { type: 'disabled' }, output_config: { effort: 'high' } }, undefined],
    [{ thinking: { type: 'adaptive' } }, 'high'],
    [{ thinking: { type: 'adaptive' }, output_config: { effort: 'xhigh' } }, 'xhigh'],
    [{ thinking: { type: 'enabled', budget_tokens: 1_024 } }, 'low'],
    [{ thinking: { type: 'enabled', budget_tokens: 32_000 } }, 'high'],
    [{ output_config: { effort: 'low' } }, 'low'],
    [{}, undefined],
  ])('turns %j into an effort', (fields, effort) => {
    expect(request(fields)['reasoning_effort']).toBe(effort);
  });

  it.each<[JsonObject, unknown]>([
    [{ type: 'auto' }, 'auto'],
    [{ type: 'none' }, 'none'],
    [
      { type: 'tool', name: 'a' },
      { type: 'function', function: { name: 'a' } },
    ],
  ])('says the choice %j in OpenAI’s words', (tool_choice, choice) => {
    expect(request({ tools, tool_choice })).toMatchObject({ tool_choice: choice });
  });

  it('hides a name of a user that is longer than OpenAI takes', () => {
    const user_id = 'u'.repeat(65);
    const { user } = request({ metadata: { user_id } });
    expect(user).toMatch(/^[0-9a-f]{64}$/);
    expect(request({ metadata: { user_id } })['user']).toBe(user);
  });

  it('leaves a turn out that had nothing but thoughts', () => {
    const content = [{ type: 'thinking', thinking: 'Hm.', signature: 'x' }];
    expect(request({ messages: [{ role: 'assistant', content }, hello] })).toEqual(minimal);
  });

  it.each<[string, JsonObject]>([
    ['container', { container: 'c' }],
    ['mcp_servers', { mcp_servers: [] }],
    ['inference_geo', { inference_geo: 'eu' }],
    ['max_tokens', { max_tokens: 0 }],
    ['system', { system: 5 }],
    ['system', { system: [{ type: 'image', source: { type: 'url', url: 'https://a.b' } }] }],
    ['messages', { messages: null }],
    ['tools.0.type', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    ['tools.0.input_schema', { tools: [{ name: 'a' }] }],
    ['tools.0.name', { tools: [{ input_schema: {} }] }],
    ['tool_choice.type', { tools, tool_choice: { type: '__proto__' } }],
    ['tool_choice.name', { tools, tool_choice: { type: 'tool' } }],
    ['stop_sequences.0', { stop_sequences: [null] }],
    ['thinking.type', { thinking: {} }],
    ['thinking', { thinking: 'much' }],
    ['output_config.format.type', { output_config: { format: { type: 'xml' } } }],
    ['metadata', { metadata: 'x' }],
    ['metadata.user_id', { metadata: { user_id: 5 } }],
  ])('refuses what it cannot carry over, naming %s', (path, fields) => {
    expect(() => request(fields)).toThrow(refusalOf(path));
  });

  it.each<[string, unknown]>([
    ['messages.0', 'text'],
    ['messages.0.role', { role: 'tool', content: 'x' }],
    ['messages.0.content', { role: 'user', content: {} }],
    ['messages.0.content', { role: 'assistant', content: 7 }],
    ['messages.0.content.0', { role: 'user', content: [null] }],
    ['messages.0.content.0.type', { role: 'user', content: [{ type: 'tool_use', id: 'a' }] }],
    ['messages.0.content.0.type', { role: 'user', content: [{ type: 'container_upload', file_id: 'f' }] }],
    ['messages.0.content.0.type', { role: 'assistant', content: [{ type: 'server_tool_use', id: 'a' }] }],
    ['messages.0.content.0.source', { role: 'user', content: [{ type: 'image' }] }],
    ['messages.0.content.0.source.type', { role: 'user', content: [{ type: 'image', source: { type: 'file' } }] }],
    [
      'messages.0.content.0.source.data',
      { role: 'user', content: [image({ type: 'base64', media_type: 'image/png' })] },
    ],
    ['messages.0.content.0.source.type', { role: 'user', content: [{ type: 'document', source: { type: 'url' } }] }],
    ['messages.0.content.0.tool_use_id', { role: 'user', content: [{ type: 'tool_result' }] }],
    [
      'messages.0.content.0.content',
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 1 }] },
    ],
    [
      'messages.0.content.0.is_error',
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', is_error: 1 }] },
    ],
    [
      'messages.0.content.0.input',
      { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'b', input: [] }] },
    ],
    ['messages.0.content.0.id', { role: 'assistant', content: [{ type: 'tool_use', name: 'b', input: {} }] }],
  ])('refuses a message that is not one, naming %s', (path, message) => {
    expect(() => request({ messages: [message] })).toThrow(refusalOf(path));
  });

  it('takes ten thousand blocks', () => {
    const content = Array.from({ length: 10_000 }, () => ({ type: 'text', text: 'x' }));
    const results = content.map((_, index) => ({
      type: 'tool_result',
      tool_use_id: `t${index}`,
      content: [image({ type: 'url', url: 'https://a.b' })],
    }));
    const { messages } = request({
      messages: [
        { role: 'user', content },
        { role: 'user', content: results },
      ],
    });
    expect(messages).toHaveLength(10_002);
  });
});

function image(source: JsonObject): JsonObject {
  return { type: 'image', source };
}
