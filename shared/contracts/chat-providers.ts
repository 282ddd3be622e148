import { z } from '@hono/zod-openapi';
import { ModelCard } from './chat-models.ts';
import { measuredShape, ModelPerformance } from './chat-performance.ts';
import { contract, noBody, noQuery } from './contract.ts';

const measuredStatus = z.enum(['unknown', 'healthy', 'degraded', 'unhealthy']);

const healthShape = {
  status: measuredStatus,
  requests: z.int(),
  failures: z.int(),
  cancelled: z.int(),
  consecutive_failures: z.int(),
  last_success_at: z.string().nullable(),
  last_failure_at: z.string().nullable(),
  last_failure_code: z.string().nullable(),
  /** When the provider was last asked whether it is there, and what for an error that gave. */
  last_check_at: z.string().nullable(),
  last_check_code: z.string().nullable(),
  response_time_ms: z.number().nullable(),
};

/** From real requests and checks only; `unknown` and null before the first. */
export const ProviderHealth = z.object(healthShape).openapi('ProviderHealth');

export const Provider = z
  .object({
    id: z.string(),
    name: z.string(),
    status: measuredStatus,
    health: ProviderHealth,
    models: z.array(z.string()),
    capabilities: z.array(z.string()),
    /** When anything was last learnt of the provider: a request that ended, or a check. */
    last_health_check: z.string().nullable(),
  })
  .openapi('Provider');

export const ProviderList = z
  .object({
    providers: z.array(Provider),
    total_providers: z.int(),
    health_status: measuredStatus,
    timestamp: z.string(),
  })
  .openapi('ProviderList');

export const ProviderModels = z
  .object({ provider: z.string(), models: z.array(ModelCard), total: z.int() })
  .openapi('ProviderModels');

const OneHealth = z.object({ id: z.string(), ...healthShape, timestamp: z.string() });

export const ProvidersHealth = z
  .object({
    providers: z.array(z.object({ id: z.string(), ...healthShape })),
    health_status: measuredStatus,
    timestamp: z.string(),
  })
  .openapi('ProvidersHealth');

export const ProviderStats = z
  .object({ provider: z.string(), ...measuredShape, models: z.array(ModelPerformance) })
  .openapi('ProviderStats');

const windowShape = { window_seconds: z.int(), timestamp: z.string() };

export const ProvidersStats = z
  .object({ ...windowShape, providers: z.array(ProviderStats), total_providers: z.int() })
  .openapi('ProvidersStats');

const OneStats = z.object({ ...windowShape, ...ProviderStats.shape });

export const HealthCheckAnswer = z
  .object({
    checks: z.array(
      z.object({
        provider: z.string(),
        outcome: z.enum(['reachable', 'failed', 'unsupported']),
        error_code: z.string().nullable(),
        response_time_ms: z.number().nullable(),
      }),
    ),
    health_status: measuredStatus,
    checked_at: z.string(),
  })
  .openapi('HealthCheckAnswer');

const common = {
  ...noBody,
  ...noQuery,
  service: 'chat',
  method: 'get',
  access: 'chat:read',
  tag: 'Providers',
} as const;

export const listProviders = contract({
  ...common,
  operation: 'listProviders',
  paths: ['/api/v0.2/providers', '/api/v1/providers'],
  summary: 'The configured providers and how their last real requests went',
  answers: { 200: { description: 'All providers of which the caller may use a model', schema: ProviderList } },
});

export const getProvider = contract({
  ...common,
  operation: 'getProvider',
  paths: ['/api/v0.2/providers/{provider}'],
  summary: 'One provider',
  answers: { 200: { description: 'The provider', schema: Provider } },
});

export const listProviderModels = contract({
  ...common,
  operation: 'listProviderModels',
  paths: ['/api/v0.2/providers/{provider}/models'],
  summary: 'The models of a provider that the caller may use',
  answers: { 200: { description: 'Their cards', schema: ProviderModels } },
});

export const getProviderHealth = contract({
  ...common,
  operation: 'getProviderHealth',
  paths: ['/api/v0.2/providers/{provider}/health'],
  summary: 'How the last requests of a provider went',
  answers: { 200: { description: 'What was measured', schema: OneHealth } },
});

export const getProviderStats = contract({
  ...common,
  operation: 'getProviderStats',
  paths: ['/api/v0.2/providers/{provider}/stats'],
  summary: 'A provider’s calls of the last 15 minutes',
  answers: { 200: { description: 'What was measured', schema: OneStats } },
});

export const listProvidersHealth = contract({
  ...common,
  operation: 'listProvidersHealth',
  paths: ['/api/v0.2/providers/health'],
  summary: 'How the last requests of all providers went',
  answers: { 200: { description: 'What was measured', schema: ProvidersHealth } },
});

export const listProvidersStats = contract({
  ...common,
  operation: 'listProvidersStats',
  paths: ['/api/v0.2/providers/stats'],
  summary: 'All providers’ calls of the last 15 minutes',
  answers: { 200: { description: 'What was measured', schema: ProvidersStats } },
});

export const checkProviders = contract({
  ...common,
  operation: 'checkProviders',
  method: 'post',
  paths: ['/api/v0.2/providers/health/check'],
  summary: 'Ask every provider now whether it is there',
  description:
    'Providers are asked at once, for 5 seconds at most and at no cost, and no more often than every 30 seconds: until then the last answers come again.',
  answers: { 200: { description: 'What they answered', schema: HealthCheckAnswer } },
});
