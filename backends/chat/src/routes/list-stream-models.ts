import type { Hono } from 'hono';
import { listStreamModels as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { usableModels } from '../selection/candidates.ts';
import { toCard } from './model-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function listStreamModelsRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const today = dayOf(new Date());
    const models = usableModels(catalogue, c.get('principal'), today)
      .filter(({ card }) => card.capabilities.includes('streaming'))
      .map((model) => {
        const { provider, card } = model;
        const { firstByte } = providerHealth.measured((m) => m.provider === provider.id && m.model === card.id);
        return { ...toCard(model, providerHealth.latencyOf(provider.id, card.id), today), ttft_ms: firstByte };
      });
    return c.json({ models, total: models.length, timestamp: new Date().toISOString() });
  });
}
