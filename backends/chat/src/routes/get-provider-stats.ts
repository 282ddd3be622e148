import type { Hono } from 'hono';
import { getProviderStats as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { visibleProvider, visibleProviders } from '../selection/visible.ts';
import { windowAnswer } from './measured-answer.ts';
import { toStats } from './provider-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function getProviderStatsRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const visible = visibleProviders(catalogue, c.get('principal'), dayOf(new Date()));
    const found = visibleProvider(visible, c.req.param('provider') ?? '');
    return c.json({ ...windowAnswer(), ...toStats(providerHealth, found) });
  });
}
