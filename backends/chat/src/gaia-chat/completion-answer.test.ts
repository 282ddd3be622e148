import { describe, expect, it } from 'vitest';
import { chunkOf, wholeAnswer } from './completion-answer.ts';

const whole = (value: unknown) => wholeAnswer(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
const message = (fields: object) => ({ choices: [{ message: fields }] });
const delta = (fields: unknown) => JSON.stringify({ id: 'c', created: 1, choices: [{ delta: fields }] });
const call = { id: '1', type: 'function', function: { name: 'f', arguments: '{}' } };

describe('a whole answer', () => {
  it.each(['', '<html>', 'null', '[]', '{}', '{"choices":[]}', '{"choices":[{}]}', '{"choices":[{"message":null}]}'])(
    'that is %j is the vendor’s failure, after it was paid',
    (text) => {
      expect(() => whole(text)).toThrow(
        expect.objectContaining({ code: 'upstream_failed', options: { sideEffectPossible: true } }),
      );
    },
  );

  it.each([
    [{ content: 'a' }, 'a'],
    [{ content: null }, ''],
    [{ content: null, refusal: 'no' }, 'no'],
    [{ content: [{ type: 'thinking', text: 'hm' }, { type: 'text', text: 'a' }, 7] }, 'a'],
    [{ content: 5 }, ''],
  ])('says of %j what the user reads', (fields, text) => {
    expect(whole(message(fields)).text).toBe(text);
  });

  it('has the calls of tools that can be read', () => {
    expect(whole(message({ tool_calls: [call, { function: {} }, null] })).toolCalls).toEqual([call]);
    expect(whole(message({ tool_calls: 'x' })).toolCalls).toEqual([]);
  });
});

describe('a chunk', () => {
  it.each(['', '[DONE]', 'null', '[]', '{'])('that is %j is none', (data) => {
    expect(chunkOf(data)).toBeUndefined();
  });

  it.each([
    [delta({ content: 'a' }), 'a'],
    [delta({ content: [{ type: 'text', text: 'a' }] }), 'a'],
    [delta({ refusal: 'no' }), 'no'],
    [delta({}), ''],
    [delta(null), ''],
    ['{"choices":null}', ''],
    ['{"choices":[]}', ''],
  ])('of %s has the text that it adds', (data, text) => {
    expect(chunkOf(data)).toMatchObject({ text, toolCalls: [], error: undefined });
  });

  it('has the pieces of tool calls, and errors', () => {
    const pieces = [{ index: 2, function: { name: 'f' } }, { function: { arguments: '{' } }, { index: 1 }, 'x'];
    expect(chunkOf(delta({ tool_calls: pieces }))?.toolCalls).toEqual([
      { index: 2, name: 'f', arguments: '' },
      { index: 0, name: '', arguments: '{' },
    ]);
    expect(chunkOf('{"error":{"message":"no"}}')?.error).toBe('no');
    expect(chunkOf('{"error":7}')?.error).toBe('no reason given');
  });
});
