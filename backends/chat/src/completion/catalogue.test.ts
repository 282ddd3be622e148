import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createCatalogue } from './catalogue.ts';
import type { ChatProvider } from './chat-provider.ts';
import { unknownCard } from './model-card.ts';

function provider(id: string, models: string[], answersBareIds = true): ChatProvider {
  const cards = models.map(unknownCard);
  return {
    id,
    name: id,
    answersBareIds,
    speaks: ['chat-completions'],
    models: cards,
    find: (model) => cards.find((card) => card.id === model),
    complete: async () => Buffer.from('{}'),
    stream: async () => Readable.from([]),
    close: async () => undefined,
  };
}

const catalogue = createCatalogue([
  provider('openai', ['gpt', 'shared']),
  provider('groq', ['llama', 'shared', 'openai/gpt-oss', 'meta/llama']),
  provider('local', ['echo'], false),
]);
const selected = (name: string): string => {
  const { provider: chosen, model } = catalogue.select(name);
  return `${chosen.id} ${model}`;
};

describe('selecting a model', () => {
  it.each([
    ['gpt', 'openai gpt'],
    ['shared', 'openai shared'],
    ['groq/shared', 'groq shared'],
    ['meta/llama', 'groq meta/llama'],
    ['groq/openai/gpt-oss', 'groq openai/gpt-oss'],
    ['local/echo', 'local echo'],
  ])('%s means %s', (name, expected) => {
    expect(selected(name)).toBe(expected);
  });

  it.each(['unknown', 'openai/llama', 'openai/gpt-oss', 'echo', 'groq/', '/gpt', ''])('%s is not found', (name) => {
    expect(() => catalogue.select(name)).toThrow(expect.objectContaining({ code: 'not_found' }));
  });

  it('lists every model once, under a name that selects exactly it', () => {
    const names = catalogue.models.map(({ name }) => name);
    expect(names).toEqual(['gpt', 'shared', 'llama', 'groq/shared', 'groq/openai/gpt-oss', 'meta/llama', 'local/echo']);
    for (const { name, provider: owner, card } of catalogue.models)
      expect(selected(name)).toBe(`${owner.id} ${card.id}`);
  });
});
