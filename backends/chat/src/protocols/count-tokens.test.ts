import { describe, expect, it } from 'vitest';
import type { JsonObject } from '#shared/json.ts';
import { estimatedTokenCount } from './count-tokens.ts';
import { messagesRequestFixture } from './fixtures/messages-request.ts';
import { refusalOf } from './fixtures/refusal.ts';

function count(body: JsonObject): number {
  return estimatedTokenCount({ messages: [], ...body }).input_tokens;
}

describe('an estimate of input tokens', () => {
  it('is near what a tokenizer says of prose', () => {
    const content = 'The quick brown fox jumps over the lazy dog. '.repeat(100);
    expect(count({ messages: [{ role: 'user', content }] })).toBeGreaterThan(900);
    expect(count({ messages: [{ role: 'user', content }] })).toBeLessThan(1_300);
  });

  it('grows with instructions, tools, results and images, not with the bytes of an image', () => {
    const image = (data: string) => [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }];
    const small = count({ messages: [{ role: 'user', content: image('AA==') }] });
    expect(count({ messages: [{ role: 'user', content: image('A'.repeat(100_000)) }] })).toBe(small);
    expect(small).toBeGreaterThan(1_000);
    expect(count({ system: 'x'.repeat(400) })).toBe(100);
    expect(count({ tools: [{ name: 'a', input_schema: { type: 'object' } }] })).toBeGreaterThan(10);
    const result = { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'x'.repeat(400) }] };
    expect(count({ messages: [{ role: 'user', content: [result] }] })).toBe(104);
  });

  it('takes every kind of block', () => {
    expect(Number.isSafeInteger(count(messagesRequestFixture))).toBe(true);
  });

  it.each<[string, JsonObject]>([
    ['messages', { messages: null }],
    ['messages.0', { messages: [5] }],
    ['messages.0.content', { messages: [{ content: 5 }] }],
    ['messages.0.content.0', { messages: [{ content: [null] }] }],
    ['messages.0.content.0.text', { messages: [{ content: [{ type: 'text' }] }] }],
    ['messages.0.content.0.source', { messages: [{ content: [{ type: 'document' }] }] }],
    ['tools.0', { tools: ['x'] }],
    ['system', { system: 5 }],
  ])('refuses what is no request, naming %s', (path, body) => {
    expect(() => count(body)).toThrow(refusalOf(path));
  });
});
