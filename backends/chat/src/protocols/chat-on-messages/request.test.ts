import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#shared/json.ts';
import { chatRequestFixture } from '../fixtures/chat-request.ts';
import { refusalOf } from '../fixtures/refusal.ts';
import { messagesRequest } from './request.ts';

const options = { model: 'claude', maxOutputTokens: 4_096, outputLimitField: 'max_completion_tokens' as const };
const hello = { role: 'user', content: 'Hi' };
const request = (body: JsonObject): JsonObject => messagesRequest({ model: 'x', messages: [hello], ...body }, options);
const minimal = { model: 'claude', max_tokens: 4_096, messages: [{ role: 'user', content: [text('Hi')] }] };

function text(text: string): JsonObject {
  return { type: 'text', text };
}

describe('a request in chat completions for Anthropic', () => {
  it('keeps everything that has a counterpart', () => {
    expect(messagesRequest(chatRequestFixture, options)).toEqual({
      model: 'claude',
      max_tokens: 500,
      system: [text('Be brief.'), text('Be kind.')],
      messages: [
        {
          role: 'user',
          content: [
            text('What is on these?'),
            { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' } },
            { type: 'image', source: { type: 'url', url: 'https://example.org/cat.jpg' } },
            {
              type: 'document',
              title: 'a.pdf',
              source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
            },
            { type: 'document', title: 'a.txt', source: { type: 'text', media_type: 'text/plain', data: 'Hällo' } },
            text('Use the tools.'),
          ],
        },
        {
          role: 'assistant',
          content: [
            text('Looking.'),
            { type: 'tool_use', id: 'call_A', name: 'get_weather', input: { city: 'Köln' } },
            { type: 'tool_use', id: 'functions_get_time_1', name: 'get_time', input: {} },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'call_A', content: [text('rain')] },
            { type: 'tool_result', tool_use_id: 'functions_get_time_1', content: [text('noon')] },
            text('Well?'),
          ],
        },
      ],
      tools: [
        {
          name: 'get_weather',
          description: 'Of a city',
          strict: true,
          input_schema: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        },
        { name: 'get_time', input_schema: { type: 'object' } },
      ],
      tool_choice: { type: 'any', disable_parallel_tool_use: true },
      temperature: 1,
      top_p: 0.9,
      stop_sequences: ['END'],
      output_config: {
        effort: 'low',
        format: { type: 'json_schema', schema: { type: 'object', additionalProperties: false } },
      },
      metadata: { user_id: 'user-1' },
    });
  });

  it('asks for the limit that we choose where the caller chose none', () => {
    expect(request({})).toEqual(minimal);
    expect(request({ max_tokens: 7 })).toMatchObject({ max_tokens: 7 });
    expect(request({ max_tokens: 7, max_completion_tokens: 8 })).toMatchObject({ max_tokens: 8 });
  });

  it.each([
    'seed',
    'presence_penalty',
    'frequency_penalty',
    'metadata',
    'store',
    'service_tier',
    'prediction',
    'verbosity',
    'stream_options',
    'prompt_cache_key',
    'unknown_field',
  ])('leaves %s out, and changes nothing else for it', (name) => {
    expect(request({ [name]: name === 'metadata' ? {} : 1 })).toEqual(minimal);
  });

  it('reads null as absent, in every field', () => {
    const names = [
      'n',
      'stop',
      'tools',
      'tool_choice',
      'temperature',
      'top_p',
      'user',
      'stream',
      'audio',
      'modalities',
    ];
    const more = [
      'logprobs',
      'logit_bias',
      'response_format',
      'reasoning_effort',
      'max_tokens',
      'functions',
      'thinking',
    ];
    expect(request(Object.fromEntries([...names, ...more].map((name) => [name, null])))).toEqual(minimal);
  });

  it.each([
    ['n', 2],
    ['logprobs', true],
    ['logit_bias', { 50256: -100 }],
    ['modalities', ['text', 'audio']],
    ['audio', { voice: 'alloy', format: 'wav' }],
    ['functions', []],
    ['function_call', 'auto'],
    ['web_search_options', {}],
    ['moderation', { model: 'x' }],
    ['reasoning_effort', 'much'],
    ['max_tokens', 1.5],
    ['tool_choice', 'required'],
  ])('refuses %s, naming it, where leaving it out would change the answer', (name, value) => {
    expect(() => request({ [name]: value })).toThrow(refusalOf(name));
  });

  it.each<[JsonObject, unknown]>([
    [{ tool_choice: 'auto' }, { type: 'auto' }],
    [{ tool_choice: 'none', parallel_tool_calls: false }, { type: 'none' }],
    [{ tool_choice: { type: 'function', function: { name: 'a' } } }, { type: 'tool', name: 'a' }],
    [{ parallel_tool_calls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    [{ parallel_tool_calls: true }, undefined],
  ])('says %j in Anthropic’s words', (fields, choice) => {
    const tools = [{ type: 'function', function: { name: 'a' } }];
    expect(request({ tools, ...fields })['tool_choice']).toEqual(choice);
  });

  it('offers only the tools that the choice allows', () => {
    const tools = ['a', 'b'].map((name) => ({ type: 'function', function: { name } }));
    const allowed_tools = { mode: 'required', tools: [tools[1]] };
    expect(request({ tools, tool_choice: { type: 'allowed_tools', allowed_tools } })).toMatchObject({
      tools: [{ name: 'b' }],
      tool_choice: { type: 'any' },
    });
  });

  it('declares the tools of a history that offers none, and lets none be called', () => {
    const messages = [chatRequestFixture.messages[3], chatRequestFixture.messages[4], chatRequestFixture.messages[5]];
    const { tools, tool_choice } = request({ messages });
    expect(tools).toEqual(['get_weather', 'get_time'].map((name) => ({ name, input_schema: { type: 'object' } })));
    expect(tool_choice).toEqual({ type: 'none' });
  });

  it('begins with a user’s turn, whatever the caller began with', () => {
    const opening = { role: 'user', content: [text('(The conversation begins here.)')] };
    const greeting = { role: 'assistant', content: [text('Hi')] };
    expect(request({ messages: [] })['messages']).toEqual([opening]);
    expect(request({ messages: [{ role: 'system', content: 'Hi' }] })['messages']).toEqual([opening]);
    expect(request({ messages: [{ role: 'assistant', content: 'Hi' }] })['messages']).toEqual([opening, greeting]);
  });

  it('leaves out what is empty, which Anthropic would refuse', () => {
    const empty = [
      { role: 'system', content: '' },
      { role: 'user', content: [{ type: 'text', text: ' \n' }] },
      { role: 'assistant', content: null },
    ];
    expect(request({ messages: [...empty, hello] })).toEqual(minimal);
  });

  it('trims the white space behind an answer that is to be continued, and no other', () => {
    const spoken = { role: 'assistant', content: 'So ' };
    expect(request({ messages: [hello, spoken, hello, spoken] })['messages']).toMatchObject([
      {},
      { content: [text('So ')] },
      {},
      { content: [text('So')] },
    ]);
  });

  it.each<[JsonObject, unknown, unknown]>([
    [{ reasoning_effort: 'none' }, { type: 'disabled' }, undefined],
    [{ reasoning_effort: 'high' }, { type: 'adaptive' }, 'high'],
    [{ reasoning_effort: 'high', tool_choice: 'auto' }, { type: 'adaptive' }, 'high'],
    [{ reasoning_effort: 'high', tool_choice: 'required' }, undefined, 'high'],
    [{ thinking: { type: 'enabled', budget_tokens: 2_000 } }, { type: 'enabled', budget_tokens: 2_000 }, undefined],
    [{}, undefined, undefined],
  ])('turns %j into thinking and effort', (fields, thinking, effort) => {
    const tools = [{ type: 'function', function: { name: 'a' } }];
    const asked = request({ tools, ...fields });
    expect(asked['thinking']).toEqual(thinking);
    expect(asked['output_config']).toEqual(effort && { effort });
  });

  it('keeps marks for the prompt cache, which only Claude knows', () => {
    const cache_control = { type: 'ephemeral' };
    const marked = { type: 'text', text: 'Hi', cache_control };
    const tools = [{ type: 'function', function: { name: 'a' }, cache_control }];
    expect(request({ messages: [{ role: 'user', content: [marked] }], tools })).toMatchObject({
      messages: [{ content: [{ cache_control }] }],
      tools: [{ cache_control }],
    });
  });

  it.each<[string, unknown]>([
    ['messages', 'text'],
    ['messages.0', null],
    ['messages.0.role', { content: 'x' }],
    ['messages.0.role', { role: 'function', name: 'f', content: 'x' }],
    ['messages.0.role', { role: '__proto__', content: 'x' }],
    ['messages.0.content', { role: 'user', content: 5 }],
    ['messages.0.content', { role: 'system', content: [{ type: 'image_url', image_url: { url: 'https://a.b' } }] }],
    ['messages.0.content.0', { role: 'user', content: [null] }],
    ['messages.0.content.0', { role: 'user', content: [[]] }],
    ['messages.0.content.0.type', { role: 'user', content: [{}] }],
    ['messages.0.content.0.type', { role: 'user', content: [{ type: 'constructor' }] }],
    ['messages.0.content.0.type', { role: 'user', content: [{ type: 'input_audio', input_audio: {} }] }],
    ['messages.0.content.0.text', { role: 'user', content: [{ type: 'text', text: ['x'] }] }],
    ['messages.0.content.0.image_url', { role: 'user', content: [{ type: 'image_url', image_url: 'https://a.b' }] }],
    ['messages.0.content.0.image_url.url', { role: 'user', content: [image('file:///etc/passwd')] }],
    ['messages.0.content.0.image_url.url', { role: 'user', content: [image('data:image/svg+xml;base64,AA==')] }],
    ['messages.0.content.0.image_url.url', { role: 'user', content: [image('data:image/png,plain')] }],
    ['messages.0.content.0.file.file_id', { role: 'user', content: [{ type: 'file', file: { file_id: 'f' } }] }],
    ['messages.0.content.0.file.file_data', { role: 'user', content: [{ type: 'file', file: {} }] }],
    ['messages.0.tool_calls', { role: 'assistant', tool_calls: {} }],
    ['messages.0.tool_calls.0.type', { role: 'assistant', tool_calls: [{ type: 'custom', id: 'a' }] }],
    ['messages.0.tool_calls.0.id', { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: '{}' } }] }],
    ['messages.0.tool_calls.0.function.name', { role: 'assistant', tool_calls: [{ id: 'a', function: {} }] }],
    ['messages.0.tool_calls.0.function.arguments', called('[]')],
    ['messages.0.tool_calls.0.function.arguments', called('{"a":')],
    ['messages.0.tool_calls.0.function.arguments', called(`{"a":${'['.repeat(70)}${']'.repeat(70)}}`)],
    ['messages.0.tool_calls.0.function.arguments', called('['.repeat(100_000))],
    ['messages.0.tool_call_id', { role: 'tool', content: 'x' }],
    ['messages.0.audio', { role: 'assistant', audio: { id: 'x' } }],
  ])('refuses a message that is not one, naming %s', (path, message) => {
    expect(() => request({ messages: path === 'messages' ? message : [message] })).toThrow(refusalOf(path));
  });

  it.each<[string, JsonObject]>([
    ['tools', { tools: 'x' }],
    ['tools.0', { tools: [1] }],
    ['tools.0.type', { tools: [{ type: 'custom', custom: { name: 'x' } }] }],
    ['tools.0.function', { tools: [{ type: 'function' }] }],
    ['tools.0.function.parameters', { tools: [{ type: 'function', function: { name: 'a', parameters: [] } }] }],
    ['tool_choice.type', { tools: [{ type: 'function', function: { name: 'a' } }], tool_choice: { type: 'custom' } }],
    ['stop.0', { stop: [1] }],
    ['response_format.type', { response_format: { type: 'json_object' } }],
    ['response_format.json_schema', { response_format: { type: 'json_schema' } }],
    ['thinking', { thinking: 'yes' }],
    ['user', { user: 5 }],
  ])('refuses a field that is not one, naming %s', (path, fields) => {
    expect(() => request(fields)).toThrow(refusalOf(path));
  });

  it('takes ten thousand parts', () => {
    const content = Array.from({ length: 10_000 }, () => ({ type: 'text', text: 'x' }));
    expect(
      request({
        messages: [
          { role: 'system', content },
          { role: 'user', content },
        ],
      })['system'],
    ).toHaveLength(10_000);
  });
});

function image(url: string): JsonObject {
  return { type: 'image_url', image_url: { url } };
}

function called(args: string): JsonObject {
  return { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: args } }] };
}
