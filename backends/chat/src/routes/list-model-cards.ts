import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import {
  listModelCards as contract,
  type ModelCard,
  type ModelCardFilters,
  type ModelCardList,
} from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue, ListedModel } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };
type Card = z.infer<typeof ModelCard>;

export function listModelCardsRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c, query }) => {
    const cards = catalogue.models.map((model) =>
      toCard(model, providerHealth.responseTimeOf(model.provider.id, model.card.id)),
    );
    const models = cards.filter((card) => matches(card, query));
    return c.json({ models, total: models.length, filters: query } satisfies z.infer<typeof ModelCardList>);
  });
}

function matches(card: Card, filters: z.infer<typeof ModelCardFilters>): boolean {
  if (filters.provider !== undefined && card.provider !== filters.provider) return false;
  if (filters.capability !== undefined && !card.capabilities.includes(filters.capability)) return false;
  return filters.max_response_time_ms === undefined || isWithin(card.response_time_ms, filters.max_response_time_ms);
}

/** What was never measured promises nothing. */
function isWithin(measured: number | null, limit: number): boolean {
  return measured !== null && measured <= limit;
}

function toCard({ name, provider, card }: ListedModel, responseTime: number | null): Card {
  return {
    id: name,
    name: card.id,
    provider: provider.id,
    capabilities: [...card.capabilities],
    max_tokens: card.maxOutputTokens,
    context_window: card.contextWindow,
    pricing: card.price && {
      input_tokens_per_million: card.price.input / 1_000_000,
      output_tokens_per_million: card.price.output / 1_000_000,
    },
    response_time_ms: responseTime,
  };
}
