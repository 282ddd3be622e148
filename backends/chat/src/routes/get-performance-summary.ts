import type { Hono } from 'hono';
import { getPerformanceSummary as contract } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { usableModels } from '../selection/candidates.ts';
import { modelPerformances, toMeasured, windowAnswer } from './measured-answer.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function getPerformanceSummaryRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const models = usableModels(catalogue, c.get('principal'), dayOf(new Date()));
    const overall = providerHealth.measured();
    return c.json({
      ...windowAnswer(),
      overall: { ...toMeasured(overall), stages: overall.stages },
      models: modelPerformances(providerHealth, models),
    });
  });
}
