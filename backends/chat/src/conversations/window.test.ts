import { describe, expect, it } from 'vitest';
import { estimatedTokens, windowOf, type WindowMessage } from './window.ts';

const user = (content: unknown): WindowMessage => ({ role: 'user', content });
const assistant = (content: unknown): WindowMessage => ({ role: 'assistant', content });
/** As many tokens as asked for, with what each message costs besides. */
const text = (tokens: number): string => 'x'.repeat((tokens - 4) * 4);
const total = (messages: readonly WindowMessage[]): number =>
  messages.reduce((sum, message) => sum + estimatedTokens(message), 0);

describe('the window', () => {
  it('keeps the newest turns that fit, whole, and nothing of older ones', () => {
    const messages = [
      user(text(10)),
      assistant(text(10)),
      user(text(10)),
      assistant(text(10)),
      user(text(10)),
      assistant(text(10)),
      user(text(10)),
    ];
    expect(windowOf(messages, { system: null, maxTokens: 1_000 })).toEqual(messages);
    expect(windowOf(messages, { system: null, maxTokens: 70 })).toHaveLength(7);
    expect(windowOf(messages, { system: null, maxTokens: 69 })).toEqual(messages.slice(2));
    expect(windowOf(messages, { system: null, maxTokens: 50 })).toEqual(messages.slice(2));
    expect(windowOf(messages, { system: null, maxTokens: 49 })).toEqual(messages.slice(4));
  });

  it('leaves no hole: what is older than a turn that does not fit is left out too', () => {
    const messages = [user(text(10)), assistant(text(10)), user(text(100)), assistant(text(100)), user(text(10))];
    expect(windowOf(messages, { system: null, maxTokens: 60 })).toEqual(messages.slice(4));
  });

  it('always keeps the prompt, first, and instructions, and the message that is to be answered', () => {
    const messages = [
      { role: 'developer', content: text(50) },
      user(text(50)),
      assistant(text(50)),
      { role: 'system', content: text(50) },
      user(text(50)),
    ];
    expect(windowOf(messages, { system: 'You are Mu', maxTokens: 1 })).toEqual([
      { role: 'system', content: 'You are Mu' },
      messages[0],
      messages[3],
      messages[4],
    ]);
    expect(windowOf([], { system: '', maxTokens: 1 })).toEqual([]);
  });

  it('counts the prompt', () => {
    const messages = [user(text(10)), assistant(text(10)), user(text(10))];
    expect(windowOf(messages, { system: text(10), maxTokens: 40 })).toHaveLength(4);
    expect(windowOf(messages, { system: text(10), maxTokens: 39 })).toHaveLength(2);
  });

  it('splits no call of a tool from its result, in neither protocol', () => {
    const openAi = [
      user('weather?'),
      { role: 'assistant', content: null, tool_calls: [{ id: 'c1', function: { name: 'w', arguments: text(50) } }] },
      { role: 'tool', tool_call_id: 'c1', content: text(50) },
      assistant('sunny'),
    ];
    const anthropic = [
      user('weather?'),
      assistant([{ type: 'tool_use', id: 'c1', name: 'w', input: { text: text(50) } }]),
      user([{ type: 'tool_result', tool_use_id: 'c1', content: text(50) }]),
      assistant('sunny'),
    ];
    for (const turn of [openAi, anthropic]) {
      const messages = [...turn, user('and tomorrow?')];
      for (let maxTokens = 0; maxTokens < total(messages) + 5; maxTokens++) {
        const kept = windowOf(messages, { system: null, maxTokens });
        expect(kept).toEqual(maxTokens < total(messages) ? messages.slice(-1) : messages);
      }
      // The turn that is under way is kept, results and all.
      expect(windowOf(turn, { system: null, maxTokens: 1 })).toEqual(turn);
    }
  });
});

describe('the estimate', () => {
  it('is a token for four bytes, not characters', () => {
    expect(estimatedTokens(user('a'.repeat(400))) - estimatedTokens(user(''))).toBe(100);
    expect(estimatedTokens(user('語'.repeat(400))) - estimatedTokens(user(''))).toBe(300);
  });

  it('counts a picture as one, whatever the length of its data', () => {
    const picture = (url: string) => user([{ type: 'image_url', image_url: { url } }]);
    const inline = picture(`data:image/png;base64,${'A'.repeat(1_000_000)}`);
    expect(estimatedTokens(inline)).toBe(estimatedTokens(picture('https://example.org/a.png')));
    expect(estimatedTokens(inline)).toBeGreaterThan(1_000);
    expect(estimatedTokens(inline)).toBeLessThan(2_000);
  });

  it('counts what tools were asked, and survives what is no message', () => {
    const call = { role: 'assistant', content: null, tool_calls: [{ function: { arguments: 'x'.repeat(4_000) } }] };
    expect(estimatedTokens(call)).toBeGreaterThan(1_000);
    for (const content of [undefined, null, 7, true, {}, [null], [7], [undefined], [[]]]) {
      expect(estimatedTokens(user(content))).toBeGreaterThanOrEqual(4);
    }
  });
});
