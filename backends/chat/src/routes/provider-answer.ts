import type { z } from '@hono/zod-openapi';
import type { Provider, ProviderHealth as HealthAnswer, ProviderStats } from '#shared/contracts/chat.ts';
import type { ProviderHealth, ProviderHealthBook } from '../provider-health/provider-health.ts';
import type { VisibleProvider } from '../selection/visible.ts';
import { modelPerformances, providerPerformance } from './measured-answer.ts';

export function toProvider({ provider, models }: VisibleProvider, health: ProviderHealth): z.infer<typeof Provider> {
  const { id, name } = provider;
  return {
    id,
    name,
    status: health.status,
    health: toHealth(health),
    models: models.map((model) => model.name),
    capabilities: [...new Set(models.flatMap(({ card }) => card.capabilities))],
    last_health_check: latest([health.lastSuccessAt, health.lastFailureAt, health.lastCheckAt]),
  };
}

export function toHealth(health: ProviderHealth): z.infer<typeof HealthAnswer> {
  return {
    status: health.status,
    requests: health.requests,
    failures: health.failures,
    cancelled: health.cancelled,
    consecutive_failures: health.consecutiveFailures,
    last_success_at: health.lastSuccessAt,
    last_failure_at: health.lastFailureAt,
    last_failure_code: health.lastFailureCode,
    last_check_at: health.lastCheckAt,
    last_check_code: health.lastCheckCode,
    response_time_ms: health.responseTimeMs,
  };
}

export function toStats(book: ProviderHealthBook, visible: VisibleProvider): z.infer<typeof ProviderStats> {
  return { ...providerPerformance(book, visible), models: modelPerformances(book, visible.models) };
}

/** ISO times of one zone compare as text. */
function latest(times: readonly (string | null)[]): string | null {
  return times.reduce((a, b) => (a === null || (b !== null && b > a) ? b : a), null);
}
