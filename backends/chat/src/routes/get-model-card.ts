import type { Hono } from 'hono';
import { getModelCard as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { allowedModel } from '../selection/visible.ts';
import { toCard } from './model-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function getModelCardRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const model = allowedModel(catalogue, c.get('principal'), c.req.param('id') ?? '');
    return c.json(toCard(model, providerHealth.latencyOf(model.provider.id, model.card.id), dayOf(new Date())));
  });
}
