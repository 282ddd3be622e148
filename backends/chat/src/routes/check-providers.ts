import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { checkProviders as contract, type HealthCheckAnswer } from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { HealthChecks } from '../provider-health/health-checks.ts';
import { overallStatus, type ProviderHealthBook } from '../provider-health/provider-health.ts';
import { dayOf } from '../selection/lifetime.ts';
import { visibleProviders } from '../selection/visible.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook; healthChecks: HealthChecks };

export function checkProvidersRoute(app: Hono<ServiceEnv>, services: Services): void {
  const { catalogue, providerHealth, healthChecks } = services;
  mount(app, contract, async ({ c }) => {
    const visible = visibleProviders(catalogue, c.get('principal'), dayOf(new Date()));
    const ids = new Set(visible.map(({ provider }) => provider.id));
    const { checks, checkedAt } = await healthChecks.run();
    return c.json({
      checks: checks
        .filter(({ provider }) => ids.has(provider))
        .map(({ provider, outcome, errorCode, responseTimeMs }) => ({
          provider,
          outcome,
          error_code: errorCode,
          response_time_ms: responseTimeMs,
        })),
      health_status: overallStatus([...ids].map((id) => providerHealth.of(id).status)),
      checked_at: checkedAt,
    } satisfies z.infer<typeof HealthCheckAnswer>);
  });
}
