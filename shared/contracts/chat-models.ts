import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';

/** OpenAI's model object. */
export const Model = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    /** 0 where the provider does not say. */
    created: z.int(),
    owned_by: z.string(),
  })
  .openapi('Model');

export const ModelList = z.object({ object: z.literal('list'), data: z.array(Model) }).openapi('ModelList');

const measuredStatus = z.enum(['unknown', 'healthy', 'degraded', 'unhealthy']);

/** From real requests only; `unknown` and null before the first. */
export const ProviderHealth = z
  .object({
    status: measuredStatus,
    requests: z.int(),
    failures: z.int(),
    cancelled: z.int(),
    consecutive_failures: z.int(),
    last_success_at: z.string().nullable(),
    last_failure_at: z.string().nullable(),
    last_failure_code: z.string().nullable(),
    response_time_ms: z.number().nullable(),
  })
  .openapi('ProviderHealth');

export const Provider = z
  .object({
    id: z.string(),
    name: z.string(),
    status: measuredStatus,
    health: ProviderHealth,
    models: z.array(z.string()),
    capabilities: z.array(z.string()),
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

/** What is not known is null, never a guess. */
export const ModelCard = z
  .object({
    id: z.string(),
    name: z.string(),
    provider: z.string(),
    capabilities: z.array(z.string()),
    max_tokens: z.int().nullable(),
    context_window: z.int().nullable(),
    pricing: z.object({ input_tokens_per_million: z.number(), output_tokens_per_million: z.number() }).nullable(),
    /** Median until the first byte of the last requests; null before the first. */
    response_time_ms: z.number().nullable(),
  })
  .openapi('ModelCard');

export const ModelCardFilters = z.object({
  provider: z.string().min(1).max(64).optional(),
  capability: z.string().min(1).max(64).optional(),
  max_response_time_ms: z.coerce.number().int().min(1).max(600_000).optional(),
});

export const ModelCardList = z
  .object({ models: z.array(ModelCard), total: z.int(), filters: ModelCardFilters })
  .openapi('ModelCardList');

export const listModels = contract({
  ...noBody,
  ...noQuery,
  operation: 'listModels',
  service: 'chat',
  method: 'get',
  paths: ['/v1/models'],
  access: 'chat:read',
  tag: 'OpenAI',
  summary: 'The models that this caller may use',
  answers: { 200: { description: 'All models, under the names that requests take', schema: ModelList } },
});

export const getModel = contract({
  ...noBody,
  ...noQuery,
  operation: 'getModel',
  service: 'chat',
  method: 'get',
  paths: ['/v1/models/{id+}'],
  access: 'chat:read',
  tag: 'OpenAI',
  summary: 'One model; its id may have slashes, as in local/echo',
  answers: { 200: { description: 'The model', schema: Model } },
});

export const listProviders = contract({
  ...noBody,
  ...noQuery,
  operation: 'listProviders',
  service: 'chat',
  method: 'get',
  paths: ['/api/v0.2/providers', '/api/v1/providers'],
  access: 'chat:read',
  tag: 'Providers',
  summary: 'The configured providers and how their last real requests went',
  answers: { 200: { description: 'All providers', schema: ProviderList } },
});

export const listModelCards = contract({
  ...noBody,
  operation: 'listModelCards',
  service: 'chat',
  method: 'get',
  paths: ['/api/v0.2/models'],
  access: 'chat:read',
  tag: 'Providers',
  summary: 'Model cards, filtered',
  description: 'With max_response_time_ms only models that were measured, and were fast enough, are listed.',
  query: ModelCardFilters,
  answers: { 200: { description: 'The cards that match', schema: ModelCardList } },
});
