import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { listProviders as contract, type ProviderList } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import { overallStatus, type ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { visibleProviders } from '../selection/visible.ts';
import { toProvider } from './provider-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function listProvidersRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const providers = visibleProviders(catalogue, c.get('principal'), dayOf(new Date())).map((visible) =>
      toProvider(visible, providerHealth.of(visible.provider.id)),
    );
    return c.json({
      providers,
      total_providers: providers.length,
      health_status: overallStatus(providers.map(({ status }) => status)),
      timestamp: new Date().toISOString(),
    } satisfies z.infer<typeof ProviderList>);
  });
}
