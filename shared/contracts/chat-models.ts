import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';

/** OpenAI's model object and Anthropic's in one, so that the SDKs of both can list and retrieve. */
export const Model = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    /** 0 where the provider does not say. */
    created: z.int(),
    owned_by: z.string(),
    /** The day the vendor switches the model off. */
    shutdown_date: z.string().nullable(),
    type: z.literal('model'),
    display_name: z.string(),
    /** The epoch where the provider does not say. */
    created_at: z.string(),
    max_input_tokens: z.int().nullable(),
    max_tokens: z.int().nullable(),
    ends_on: z.string().nullable(),
    /** What to know before building on this model, such as its end within 90 days. */
    warnings: z.array(z.string()),
  })
  .openapi('Model');

export const ModelList = z
  .object({
    object: z.literal('list'),
    data: z.array(Model),
    has_more: z.literal(false),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
  })
  .openapi('ModelList');

/** What is not known is null, never a guess. */
export const ModelCard = z
  .object({
    id: z.string(),
    name: z.string(),
    provider: z.string(),
    capabilities: z.array(z.string()),
    max_tokens: z.int().nullable(),
    context_window: z.int().nullable(),
    /** In dollars. */
    pricing: z
      .object({
        input_tokens_per_million: z.number(),
        cached_input_tokens_per_million: z.number(),
        output_tokens_per_million: z.number(),
      })
      .nullable(),
    /** Median until the first byte of the last answers; null before the first. */
    response_time_ms: z.number().nullable(),
    /** From 0 to 1, by public benchmarks. */
    quality: z.number().nullable(),
    /** The day the vendor switches the model off. */
    ends_on: z.string().nullable(),
    warnings: z.array(z.string()),
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

export const listModelCards = contract({
  ...noBody,
  operation: 'listModelCards',
  service: 'chat',
  method: 'get',
  paths: ['/api/v0.2/models'],
  access: 'chat:read',
  tag: 'Models',
  summary: 'Model cards, filtered',
  description: 'With max_response_time_ms only models that were measured, and were fast enough, are listed.',
  query: ModelCardFilters,
  answers: { 200: { description: 'The cards that match', schema: ModelCardList } },
});

export const getModelCard = contract({
  ...noBody,
  ...noQuery,
  operation: 'getModelCard',
  service: 'chat',
  method: 'get',
  paths: ['/api/v0.2/models/{id+}'],
  access: 'chat:read',
  tag: 'Models',
  summary: 'The card of one model; its id may have slashes',
  answers: { 200: { description: 'The card', schema: ModelCard } },
});
