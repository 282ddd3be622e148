import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createCatalogue, providerNamed } from './catalogue.ts';
import type { ChatProvider } from './chat-provider.ts';
import { unknownCard } from './model-card.ts';

type Traits = { answersBareIds?: boolean; aliases?: string[] };

function provider(id: string, models: string[], { answersBareIds = true, aliases = [] }: Traits = {}): ChatProvider {
  const cards = models.map(unknownCard);
  return {
    id,
    name: id,
    aliases,
    answersBareIds,
    speaks: ['chat-completions'],
    fetchesImages: true,
    outputLimitField: 'max_tokens',
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
  provider('local', ['echo'], { answersBareIds: false }),
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

  it('by an older name of its provider is the same, unless a provider has that name for its id', () => {
    const anthropic = provider('anthropic', ['claude-x'], { aliases: ['claude'] });
    const { select, models } = createCatalogue([anthropic]);
    expect(select('claude/claude-x')).toMatchObject({ provider: { id: 'anthropic' }, model: 'claude-x' });
    expect(() => select('claude/other')).toThrow(expect.objectContaining({ code: 'not_found' }));
    expect(models.map(({ name }) => name)).toEqual(['claude-x']);
    expect(providerNamed([anthropic], 'claude')).toBe(anthropic);
    const claude = provider('claude', ['claude-x']);
    expect(providerNamed([anthropic, claude], 'claude')).toBe(claude);
    expect(providerNamed([anthropic], 'other')).toBeUndefined();
  });

  it('that nobody lists falls to the vendor whose ids look like it, or whose name stands before it', () => {
    const open = {
      ...provider('openai', ['gpt']),
      findUnlisted: (id: string, asked: string) =>
        asked === 'qualified' || id.startsWith('gpt-') ? unknownCard(id) : undefined,
    };
    const { select, models } = createCatalogue([open, provider('groq', ['gpt-oss'])]);
    expect(select('gpt-next')).toMatchObject({ provider: { id: 'openai' }, card: { id: 'gpt-next', price: null } });
    expect(select('openai/any')).toMatchObject({ provider: { id: 'openai' }, model: 'any' });
    expect(select('gpt-oss')).toMatchObject({ provider: { id: 'groq' } });
    expect(() => select('any')).toThrow(expect.objectContaining({ code: 'not_found' }));
    expect(models.map(({ name }) => name)).toEqual(['gpt', 'gpt-oss']);
  });

  it('lists every model once, under a name that selects exactly it', () => {
    const names = catalogue.models.map(({ name }) => name);
    expect(names).toEqual(['gpt', 'shared', 'llama', 'groq/shared', 'groq/openai/gpt-oss', 'meta/llama', 'local/echo']);
    for (const { name, provider: owner, card } of catalogue.models)
      expect(selected(name)).toBe(`${owner.id} ${card.id}`);
  });
});
