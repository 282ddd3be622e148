import type { z } from '@hono/zod-openapi';
import type { Model, ModelCard } from '#shared/contracts/chat.ts';
import type { ListedModel } from '../completion/catalogue.ts';
import type { Latency } from '../performance/performance-book.ts';
import { warningsOf } from '../selection/lifetime.ts';

export type ModelAnswer = z.infer<typeof Model>;
export type CardAnswer = z.infer<typeof ModelCard>;

/** As OpenAI’s and Anthropic’s SDKs read it. */
export function toModel({ name, provider, card }: ListedModel, today: string): ModelAnswer {
  return {
    id: name,
    object: 'model',
    created: 0,
    owned_by: provider.id,
    shutdown_date: card.endsOn,
    type: 'model',
    display_name: card.name,
    created_at: '1970-01-01T00:00:00Z',
    max_input_tokens: card.contextWindow,
    max_tokens: card.maxOutputTokens,
    ends_on: card.endsOn,
    warnings: warningsOf(card, today),
  };
}

/** As the older clients read it. */
export function toCard({ name, provider, card }: ListedModel, latency: Latency | null, today: string): CardAnswer {
  return {
    id: name,
    name: card.name,
    provider: provider.id,
    capabilities: [...card.capabilities],
    max_tokens: card.maxOutputTokens,
    context_window: card.contextWindow,
    pricing: card.price && {
      input_tokens_per_million: card.price.input / 1_000_000,
      cached_input_tokens_per_million: card.price.cachedInput / 1_000_000,
      output_tokens_per_million: card.price.output / 1_000_000,
    },
    response_time_ms: latency && latency.firstByteMs,
    quality: card.quality,
    ends_on: card.endsOn,
    warnings: warningsOf(card, today),
  };
}
