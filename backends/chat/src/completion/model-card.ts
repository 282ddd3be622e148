import type { TokenPrice } from '#shared/prices/money.ts';

export const capabilities = [
  'chat',
  'streaming',
  'tools',
  'vision',
  'structured_output',
  'reasoning',
  'audio',
  'embeddings',
] as const;
export type Capability = (typeof capabilities)[number];

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
