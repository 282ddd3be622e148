import type { Hono } from 'hono';
import { getProvidersPerformance as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { visibleProviders } from '../selection/visible.ts';
import { providerPerformance, windowAnswer } from './measured-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function getProvidersPerformanceRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const visible = visibleProviders(catalogue, c.get('principal'), dayOf(new Date()));
    const providers = visible.map((provider) => providerPerformance(providerHealth, provider));
    return c.json({ ...windowAnswer(), providers });
  });
}
