import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { listModelCards as contract, type ModelCardFilters, type ModelCardList } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { providerNamed, type Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { usableModels } from '../selection/candidates.ts';
import { dayOf } from '../selection/lifetime.ts';
import { toCard, type CardAnswer } from './model-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function listModelCardsRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c, query }) => {
    const today = dayOf(new Date());
    const provider = query.provider && (providerNamed(catalogue.providers, query.provider)?.id ?? query.provider);
    const models = usableModels(catalogue, c.get('principal'), today)
      .map((model) => toCard(model, providerHealth.latencyOf(model.provider.id, model.card.id), today))
      .filter((card) => matches(card, { ...query, provider }));
    return c.json({ models, total: models.length, filters: query } satisfies z.infer<typeof ModelCardList>);
  });
}

type Filters = { [name in keyof z.infer<typeof ModelCardFilters>]: z.infer<typeof ModelCardFilters>[name] | undefined };

function matches(card: CardAnswer, filters: Filters): boolean {
  if (filters.provider !== undefined && card.provider !== filters.provider) return false;
  if (filters.capability !== undefined && !card.capabilities.includes(filters.capability)) return false;
  return filters.max_response_time_ms === undefined || isWithin(card.response_time_ms, filters.max_response_time_ms);
}

/** What was never measured promises nothing. */
function isWithin(measured: number | null, limit: number): boolean {
  return measured !== null && measured <= limit;
}
