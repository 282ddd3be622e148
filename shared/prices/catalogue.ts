import * as z from 'zod';
import { ModelFileSchema, type ModelEntry, type ModelFile } from './model-entry.ts';
import file from './models.json' with { type: 'json' };
import type { TokenPrice } from './money.ts';

/** What is known of vendors' models, by provider and id. */
export type PriceCatalogue = {
  /** Rises with every change of a price, and is kept with each charge. */
  priceVersion: number;
  updated: string;
  models: readonly ModelEntry[];
  /** By its id or one of its snapshots, exactly: what is not named here has no price. */
  find: (provider: string, id: string) => ModelEntry | undefined;
};

/** Throws where the file is not what it should be: a service does not start on prices that it cannot read. */
export function loadPriceCatalogue(data: unknown = file): PriceCatalogue {
  const result = ModelFileSchema.safeParse(data);
  if (!result.success) throw new Error(`The model catalogue is broken: ${z.prettifyError(result.error)}`);
  const { version, updated, models } = result.data;
  const byName = indexed(result.data);
  return { priceVersion: version, updated, models, find: (provider, id) => byName.get(keyOf(provider, id)) };
}

/** What an entry's tokens cost; null where nobody knows. */
export function priceOf({ prices }: Pick<ModelEntry, 'prices'>): TokenPrice | null {
  if (!prices) return null;
  const { long, ...rates } = prices;
  return {
    ...ratesOf(rates),
    ...(long && { long: { ...ratesOf(long), aboveInputTokens: long.above_input_tokens } }),
  };
}

type Rates = Omit<NonNullable<ModelEntry['prices']>, 'long'>;

function ratesOf({ input, cached_input, output, cache_write, cache_write_long }: Rates): Omit<TokenPrice, 'long'> {
  return {
    input,
    cachedInput: cached_input ?? input,
    output,
    ...(cache_write !== undefined && { cacheWrite: cache_write }),
    ...(cache_write_long !== undefined && { cacheWriteLong: cache_write_long }),
  };
}

function indexed({ models }: ModelFile): Map<string, ModelEntry> {
  const byName = new Map<string, ModelEntry>();
  for (const entry of models) {
    for (const id of [entry.id, ...(entry.snapshots ?? [])]) {
      const key = keyOf(entry.provider, id);
      if (byName.has(key)) throw new Error(`The model catalogue is broken: ${key} is there twice`);
      byName.set(key, entry);
    }
  }
  return byName;
}

function keyOf(provider: string, id: string): string {
  return `${provider}/${id}`;
}
