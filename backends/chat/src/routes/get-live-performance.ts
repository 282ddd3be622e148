import type { Hono } from 'hono';
import { getLivePerformance as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { visibleProviders } from '../selection/visible.ts';
import { providerPerformance, toMeasured, windowAnswer } from './measured-answer.ts';

const minute = 60_000;

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function getLivePerformanceRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const visible = visibleProviders(catalogue, c.get('principal'), dayOf(new Date()));
    const overall = providerHealth.measured(undefined, minute);
    return c.json({
      ...windowAnswer(minute),
      calls_per_second: Math.round((overall.calls / (minute / 1_000)) * 1_000) / 1_000,
      overall: toMeasured(overall),
      providers: visible.map((provider) => providerPerformance(providerHealth, provider, minute)),
    });
  });
}
