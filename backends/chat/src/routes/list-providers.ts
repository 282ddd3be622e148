import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import {
  listProviders as contract,
  type Provider,
  type ProviderHealth as HealthAnswer,
  type ProviderList,
} from '#shared/contracts/chat.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from '../completion/catalogue.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';
import { overallStatus, type ProviderHealth, type ProviderHealthBook } from '../provider-health/provider-health.ts';

type Services = { catalogue: Catalogue; providerHealth: ProviderHealthBook };

export function listProvidersRoute(app: Hono<ServiceEnv>, { catalogue, providerHealth }: Services): void {
  mount(app, contract, ({ c }) => {
    const providers = catalogue.providers.map((provider) => {
      const names = catalogue.models.filter((model) => model.provider === provider).map(({ name }) => name);
      return toProvider(provider, names, providerHealth.of(provider.id));
    });
    return c.json({
      providers,
      total_providers: providers.length,
      health_status: overallStatus(providers.map(({ status }) => status)),
      timestamp: new Date().toISOString(),
    } satisfies z.infer<typeof ProviderList>);
  });
}

function toProvider(
  { id, name, models }: ChatProvider,
  names: string[],
  health: ProviderHealth,
): z.infer<typeof Provider> {
  return {
    id,
    name,
    status: health.status,
    health: toHealth(health),
    models: names,
    capabilities: [...new Set(models.flatMap(({ capabilities }) => capabilities))],
    last_health_check: latest(health.lastSuccessAt, health.lastFailureAt),
  };
}

function toHealth(health: ProviderHealth): z.infer<typeof HealthAnswer> {
  return {
    status: health.status,
    requests: health.requests,
    failures: health.failures,
    cancelled: health.cancelled,
    consecutive_failures: health.consecutiveFailures,
    last_success_at: health.lastSuccessAt,
    last_failure_at: health.lastFailureAt,
    last_failure_code: health.lastFailureCode,
    response_time_ms: health.responseTimeMs,
  };
}

/** ISO times of one zone compare as text. */
function latest(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return a ?? b;
  return a > b ? a : b;
}
