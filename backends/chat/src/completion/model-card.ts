import { priceOf, type PriceCatalogue } from '#shared/prices/catalogue.ts';
import type { Capability } from '#shared/prices/model-entry.ts';
import type { TokenPrice } from '#shared/prices/money.ts';

/** What is known of a model. What is not known is null: nothing here is a guess. */
export type ModelCard = {
  /** The provider's own name for it. */
  id: string;
  /** For people. */
  name: string;
  capabilities: readonly Capability[];
  maxOutputTokens: number | null;
  contextWindow: number | null;
  /** Null: unknown to the catalogue; then the configured default is charged, or the model is refused. */
  price: TokenPrice | null;
  /** The day its vendor switches it off, as YYYY-MM-DD. */
  endsOn: string | null;
  /** From 0 to 1, for choosing between models; null where nobody measured it. */
  quality: number | null;
};

/** The card of a provider's model, whatever is known of it. */
export type CardSource = (provider: string, id: string) => ModelCard;

/** Cards from the catalogue; a model that is not in it has the card of one of which only the name is known. */
export function createCardSource(catalogue: Pick<PriceCatalogue, 'find'>): CardSource {
  return (provider, id) => {
    const entry = catalogue.find(provider, id);
    if (!entry) return unknownCard(id);
    return {
      id,
      name: entry.name,
      capabilities: entry.capabilities,
      maxOutputTokens: entry.max_output_tokens,
      contextWindow: entry.context_window,
      price: priceOf(entry),
      endsOn: entry.ends_on,
      quality: entry.quality?.score ?? null,
    };
  };
}

/** The card of a model of which only the name is known, and what every provider of completions can do. */
export function unknownCard(id: string): ModelCard {
  return {
    id,
    name: id,
    capabilities: ['chat', 'streaming'],
    maxOutputTokens: null,
    contextWindow: null,
    price: null,
    endsOn: null,
    quality: null,
  };
}
