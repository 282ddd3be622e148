import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { compareModels as contract, type Comparison } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { allowedModel } from '../selection/visible.ts';
import { toCard, type CardAnswer } from './model-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function compareModelsRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c, query }) => {
    const today = dayOf(new Date());
    const models = query.model_ids.map((id) => {
      const model = allowedModel(catalogue, c.get('principal'), id);
      return toCard(model, providerHealth.latencyOf(model.provider.id, model.card.id), today);
    });
    return c.json({
      models,
      total: models.length,
      fastest: leastIn(models, (card) => card.response_time_ms),
      cheapest: leastIn(models, priceOfUsualCall),
      highest_quality: leastIn(models, (card) => card.quality && -card.quality),
    } satisfies z.infer<typeof Comparison>);
  });
}

/** Twice as much input as output, as in a usual exchange. */
function priceOfUsualCall({ pricing }: CardAnswer): number | null {
  return pricing && 2 * pricing.input_tokens_per_million + pricing.output_tokens_per_million;
}

function leastIn(models: readonly CardAnswer[], measure: (card: CardAnswer) => number | null): string | null {
  const measured = models.flatMap((card) => {
    const value = measure(card);
    return value === null ? [] : [{ id: card.id, value }];
  });
  return measured.toSorted((a, b) => a.value - b.value)[0]?.id ?? null;
}
