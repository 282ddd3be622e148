import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadPriceCatalogue, priceOf } from './catalogue.ts';
import file from './models.json' with { type: 'json' };

const catalogue = loadPriceCatalogue();

/** Every name in a union of string literals of an SDK's declarations. */
function namesIn(path: string, type: string): string[] {
  const text = readFileSync(new URL(`../../node_modules/${path}`, import.meta.url), 'utf8');
  const union = new RegExp(`export type ${type} = ([^;]+);`).exec(text)?.[1] ?? '';
  return Array.from(union.matchAll(/'([^']+)'/g), ([, name = '']) => name);
}

const sdkModels = [
  ...namesIn('openai/resources/shared.d.ts', 'ChatModel').map((id) => ['openai', id] as const),
  ...namesIn('openai/resources/shared.d.ts', 'ResponsesModel').map((id) => ['openai', id] as const),
  ...namesIn('openai/resources/embeddings.d.ts', 'EmbeddingModel').map((id) => ['openai', id] as const),
  ...namesIn('@anthropic-ai/sdk/resources/messages/messages.d.ts', 'Model').map((id) => ['anthropic', id] as const),
];

describe('the model catalogue', () => {
  it('has every model that the installed SDKs name, or says why not', () => {
    expect(sdkModels.length).toBeGreaterThan(130);
    const unlisted = new Set(file.unlisted.map(({ provider, id }) => `${provider}/${id}`));
    const missing = sdkModels.filter(
      ([provider, id]) => !catalogue.find(provider, id) && !unlisted.has(`${provider}/${id}`),
    );
    expect(missing).toEqual([]);
  });

  it('leaves out nothing that it has, and nothing twice', () => {
    const unlisted = file.unlisted.map(({ provider, id }) => `${provider}/${id}`);
    expect(new Set(unlisted).size).toBe(unlisted.length);
    expect(file.unlisted.filter(({ provider, id }) => catalogue.find(provider, id))).toEqual([]);
  });

  it('has the ends that the installed SDKs announce', () => {
    const text = readFileSync(
      new URL('../../node_modules/openai/resources/beta/responses/responses.d.ts', import.meta.url),
      'utf8',
    );
    const announced = announcements(text);
    expect(announced.length).toBeGreaterThan(60);
    const wrong = announced.filter(([id, date]) => {
      const entry = catalogue.find('openai', id);
      return entry !== undefined && entry.ends_on !== date;
    });
    expect(wrong).toEqual([]);
  });

  it('has the ends of the models that Anthropic’s SDK warns of', () => {
    const text = readFileSync(
      new URL('../../node_modules/@anthropic-ai/sdk/resources/messages/messages.js', import.meta.url),
      'utf8',
    );
    const block = /const DEPRECATED_MODELS = \{([^}]+)\}/.exec(text)?.[1] ?? '';
    const deprecated = Array.from(block.matchAll(/'([^']+)': '([^']+)'/g), ([, id = '', date = '']) => [
      id,
      isoDay(date),
    ]);
    expect(deprecated.length).toBeGreaterThan(0);
    expect(deprecated.map(([id = '']) => [id, catalogue.find('anthropic', id)?.ends_on])).toEqual(deprecated);
  });

  it('says for every price where it is from and of when', () => {
    for (const entry of file.models) {
      expect(entry.source).toMatch(/^https:\/\/\S+$/);
      expect(entry.date <= file.updated && entry.date >= '2026-01-01').toBe(true);
    }
  });

  it('gives a discount, or none, for cached input, and never charges long input less', () => {
    for (const price of catalogue.models.map(priceOf)) {
      if (!price) continue;
      expect(price.cachedInput).toBeLessThanOrEqual(price.input);
      expect(price.input).toBeGreaterThan(0);
      if (!price.long) continue;
      expect(price.long.input).toBeGreaterThan(price.input);
      expect(price.long.output).toBeGreaterThan(price.output);
    }
  });

  it('takes exact decimals as whole micro-dollars', () => {
    expect(priceOf({ prices: catalogue.find('openai', 'gpt-4o-mini')?.prices ?? null })).toEqual({
      input: 150_000,
      cachedInput: 75_000,
      output: 600_000,
    });
    expect(priceOf({ prices: catalogue.find('anthropic', 'claude-haiku-5-5')?.prices ?? null })).toMatchObject({
      cacheWrite: 125_000,
      long: { aboveInputTokens: 100_000, cachedInput: 50_000 },
    });
    expect(priceOf({ prices: null })).toBeNull();
  });

  it('finds a dated snapshot, and nothing that it does not name', () => {
    expect(catalogue.find('openai', 'gpt-4o-2024-08-06')?.id).toBe('gpt-4o');
    expect(catalogue.find('openai', 'gpt-4o-2024-05-13')?.id).toBe('gpt-4o-2024-05-13');
    expect(catalogue.find('openai', 'gpt-4o-2031-01-01')).toBeUndefined();
    expect(catalogue.find('groq', 'gpt-4o')).toBeUndefined();
    expect(catalogue.find('openai', '__proto__')).toBeUndefined();
  });
});

describe('the version of the prices', () => {
  it('rises when a price changes: put the new fingerprint and the next version here', () => {
    const prices = catalogue.models.map((entry) => [entry.provider, entry.id, entry.snapshots, priceOf(entry)]);
    const fingerprint = createHash('sha256').update(JSON.stringify(prices)).digest('hex').slice(0, 16);
    expect({ version: catalogue.priceVersion, fingerprint }).toEqual({ version: 2, fingerprint: 'f8aec7cce7722688' });
  });
});

describe('a broken catalogue', () => {
  const entry = file.models[0];
  const loading = (change: object) => () => loadPriceCatalogue({ ...file, models: [{ ...entry, ...change }] });

  it.each([
    ['an unknown field', { colour: 'blue' }],
    ['no source', { source: undefined }],
    ['no date', { date: '' }],
    ['a price that is a number', { prices: { input: 2.5, cached_input: null, output: '1.00' } }],
    ['a price of seven decimals', { prices: { input: '0.0000001', cached_input: null, output: '1.00' } }],
    ['an unknown capability', { capabilities: ['telepathy'] }],
    ['a quality beyond 1', { quality: { score: 1.1, source: 'https://a.example', date: '2026-01-01' } }],
    ['its own id as a snapshot', { snapshots: [entry?.id] }],
  ])('with %s is refused', (_, change) => {
    expect(loading({})).not.toThrow();
    expect(loading(change)).toThrow('The model catalogue is broken');
  });
});

/** `- "gpt-4", "gpt-4-0613": Announced shutdown date: 2026-10-23.`, wrapped and behind stars. */
function announcements(text: string): [string, string][] {
  const [, wrapped = ''] = /Deprecated values:([^]*?)\*\//.exec(text) ?? [];
  const list = wrapped.replaceAll(/\n\s*\*\s*/g, ' ');
  return Array.from(list.matchAll(/- ((?:"[^"]+",? ?)+): Announced shutdown date: (\d{4}-\d\d-\d\d)/g)).flatMap(
    ([, names = '', date = '']) =>
      Array.from(names.matchAll(/"([^"]+)"/g), ([, id = '']): [string, string] => [id, date]),
  );
}

/** `November 30th, 2026` */
function isoDay(text: string): string {
  return new Date(`${text.replace(/(\d+)(?:st|nd|rd|th)/, '$1')} UTC`).toISOString().slice(0, 10);
}
