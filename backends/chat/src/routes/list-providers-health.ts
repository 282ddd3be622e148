import type { Hono } from 'hono';
import { listProvidersHealth as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import { overallStatus, type ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { visibleProviders } from '../selection/visible.ts';
import { toHealth } from './provider-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function listProvidersHealthRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const visible = visibleProviders(catalogue, c.get('principal'), dayOf(new Date()));
    const providers = visible.map(({ provider: { id } }) => ({ id, ...toHealth(providerHealth.of(id)) }));
    const status = overallStatus(providers.map((provider) => provider.status));
    return c.json({ providers, health_status: status, timestamp: new Date().toISOString() });
  });
}
