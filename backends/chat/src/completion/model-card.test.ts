import { describe, expect, it } from 'vitest';
import { loadPriceCatalogue } from '#shared/prices/catalogue.ts';
import { createCardSource, unknownCard } from './model-card.ts';

const cardOf = createCardSource(loadPriceCatalogue());

describe('the card of a model', () => {
  it('says what the catalogue knows', () => {
    expect(cardOf('openai', 'gpt-4o')).toMatchObject({
      id: 'gpt-4o',
      name: 'GPT-4o',
      contextWindow: 128_000,
      price: { input: 2_500_000, cachedInput: 1_250_000, output: 10_000_000 },
      endsOn: '2027-01-14',
      quality: null,
    });
  });

  it('has the id under which a snapshot was asked for', () => {
    expect(cardOf('openai', 'gpt-4o-2024-08-06')).toEqual({ ...cardOf('openai', 'gpt-4o'), id: 'gpt-4o-2024-08-06' });
  });

  it('of a model at a vendor that the catalogue does not know says nothing but the name, above all no price', () => {
    expect(cardOf('groq', 'gpt-4o')).toEqual(unknownCard('gpt-4o'));
    expect(cardOf('groq', 'gpt-4o').price).toBeNull();
  });
});
