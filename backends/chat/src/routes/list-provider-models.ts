import type { Hono } from 'hono';
import { listProviderModels as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { visibleProvider, visibleProviders } from '../selection/visible.ts';
import { toCard } from './model-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function listProviderModelsRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const today = dayOf(new Date());
    const visible = visibleProviders(catalogue, c.get('principal'), today);
    const found = visibleProvider(visible, c.req.param('provider') ?? '');
    const models = found.models.map((model) =>
      toCard(model, providerHealth.latencyOf(model.provider.id, model.card.id), today),
    );
    return c.json({ provider: found.provider.id, models, total: models.length });
  });
}
