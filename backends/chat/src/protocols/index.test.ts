import { describe, expect, it } from 'vitest';
import { translationFor } from './index.ts';
import { protocols, type Protocol } from './protocol.ts';

describe('choosing a translation', () => {
  it('translates nothing where the vendor speaks the caller’s protocol, whatever else it speaks', () => {
    for (const protocol of protocols)
      expect(translationFor(protocol, ['chat-completions', 'messages', protocol])).toBeNull();
  });

  it.each<[Protocol, Protocol[], Protocol]>([
    ['chat-completions', ['messages'], 'messages'],
    ['messages', ['chat-completions'], 'chat-completions'],
    ['messages', ['responses', 'chat-completions'], 'chat-completions'],
    ['responses', ['chat-completions'], 'chat-completions'],
    ['responses', ['messages', 'count-tokens'], 'messages'],
    ['responses', ['messages', 'chat-completions'], 'messages'],
  ])('turns %s for a vendor of %j into %s', (caller, spoken, vendor) => {
    expect(translationFor(caller, spoken)).toMatchObject({ caller, vendor });
  });

  it.each<[Protocol, Protocol[]]>([
    ['embeddings', ['chat-completions', 'messages']],
    ['count-tokens', ['chat-completions']],
    ['chat-completions', ['embeddings']],
    ['chat-completions', []],
  ])('refuses %s for a vendor of %j, as a model that cannot be used so', (caller, spoken) => {
    expect(() => translationFor(caller, spoken)).toThrow(expect.objectContaining({ code: 'validation_failed' }));
  });
});
