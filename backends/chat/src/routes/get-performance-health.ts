import type { Hono } from 'hono';
import { getPerformanceHealth as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import { overallStatus, type ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { visibleProviders } from '../selection/visible.ts';
import { windowAnswer } from './measured-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function getPerformanceHealthRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const visible = visibleProviders(catalogue, c.get('principal'), dayOf(new Date()));
    const providers = visible.map(({ provider: { id } }) => ({ id, status: providerHealth.of(id).status }));
    return c.json({
      ...windowAnswer(),
      status: overallStatus(providers.map(({ status }) => status)),
      error_rate: providerHealth.measured().errorRate,
      providers,
    });
  });
}
