import { z } from '@hono/zod-openapi';
import { ModelCard } from './chat-models.ts';
import { Distribution } from './chat-performance.ts';
import { contract, noBody, noQuery } from './contract.ts';
import { contextTypes, priorities } from './model-wishes.ts';

const PrioritySchema = z.enum(priorities);
const ContextTypeSchema = z.enum(contextTypes);

const expectedTokens = z.int().min(0).max(10_000_000).nullish();

/** What to choose a model by. Any other field is not looked at. */
export const RecommendRequest = z
  .looseObject({
    /** Only its length counts, where `input_tokens` is not given. */
    message: z.string().max(1_000_000).nullish(),
    context_type: ContextTypeSchema.nullish(),
    priority: PrioritySchema.nullish(),
    max_response_time_ms: z.int().min(1).max(600_000).nullish(),
    required_capabilities: z.array(z.string().min(1).max(64)).max(20).nullish(),
    provider: z.string().min(1).max(64).nullish(),
    input_tokens: expectedTokens,
    output_tokens: expectedTokens,
  })
  .openapi('RecommendRequest');

const estimates = {
  /** Dollars for a call of the expected size; null where no price is known. */
  estimated_cost: z.number().nullable(),
  /** Median until the first byte of real answers; null where nothing was measured. */
  estimated_response_time_ms: z.number().nullable(),
};

export const Recommendation = z
  .object({
    recommended_model: z.string(),
    provider: z.string(),
    /** From 0 to 1: how much of what the choice rests on was measured or is known. */
    confidence: z.number(),
    reasoning: z.string(),
    alternatives: z.array(z.object({ model: z.string(), provider: z.string(), score: z.number(), ...estimates })),
    ...estimates,
    expected_tokens: z.object({ input: z.int(), output: z.int() }),
    warnings: z.array(z.string()),
  })
  .openapi('Recommendation');

export const Comparison = z
  .object({
    models: z.array(ModelCard),
    total: z.int(),
    /** Null where nothing is known to compare. */
    fastest: z.string().nullable(),
    cheapest: z.string().nullable(),
    highest_quality: z.string().nullable(),
  })
  .openapi('ModelComparison');

export const CapabilityList = z
  .object({
    capabilities: z.array(z.string()),
    total: z.int(),
    models: z.record(z.string(), z.array(z.string())),
  })
  .openapi('CapabilityList');

export const PriorityList = z
  .object({
    priorities: z.array(z.object({ id: PrioritySchema, description: z.string() })),
    default: PrioritySchema,
    total: z.int(),
  })
  .openapi('PriorityList');

export const ContextList = z
  .object({
    contexts: z.array(
      z.object({
        id: ContextTypeSchema,
        max_response_time_ms: z.int(),
        required_capabilities: z.array(z.string()),
      }),
    ),
    default: ContextTypeSchema,
    total: z.int(),
  })
  .openapi('ContextList');

export const StreamModelList = z
  .object({
    models: z.array(z.object({ ...ModelCard.shape, ttft_ms: Distribution.nullable() })),
    total: z.int(),
    timestamp: z.string(),
  })
  .openapi('StreamModelList');

const ranking = z.array(
  z.object({
    model: z.string(),
    provider: z.string(),
    ttft_ms: z.number().nullable(),
    calls: z.int(),
    quality: z.number().nullable(),
  }),
);

export const ModelRankings = z
  .object({ fastest_ttft: ranking, highest_quality: ranking, vr_suitable: ranking, timestamp: z.string() })
  .openapi('ModelRankings');

const common = { service: 'chat', method: 'get', access: 'chat:read', tag: 'Models' } as const;
const plain = { ...common, ...noBody, ...noQuery };

export const listCapabilities = contract({
  ...plain,
  operation: 'listCapabilities',
  paths: ['/api/v0.2/models/capabilities'],
  summary: 'What models can do, and which of those the caller may use can',
  answers: { 200: { description: 'The capabilities', schema: CapabilityList } },
});

export const listPriorities = contract({
  ...plain,
  operation: 'listPriorities',
  paths: ['/api/v0.2/models/priorities'],
  summary: 'What a model can be chosen for',
  answers: { 200: { description: 'The priorities', schema: PriorityList } },
});

export const listContexts = contract({
  ...plain,
  operation: 'listContexts',
  paths: ['/api/v0.2/models/contexts'],
  summary: 'The kinds of conversation a model can be chosen for, and how long an answer may take there',
  answers: { 200: { description: 'The contexts', schema: ContextList } },
});

export const recommendModel = contract({
  ...common,
  ...noQuery,
  operation: 'recommendModel',
  method: 'post',
  paths: ['/api/v0.2/models/recommend'],
  summary: 'The best model for what the caller wants',
  description:
    'By quality, measured speed, and the priority. A model that was measured slower than `max_response_time_ms` is left out; one that was never measured is not, and the reasoning says so.',
  body: { schema: RecommendRequest, maxBytes: 4 * 1024 * 1024 },
  answers: { 200: { description: 'The recommendation', schema: Recommendation } },
});

export const compareModels = contract({
  ...common,
  ...noBody,
  operation: 'compareModels',
  paths: ['/api/v0.2/models/compare'],
  summary: 'Cards of some models side by side',
  query: z.object({
    model_ids: z
      .string()
      .max(2_500)
      .transform((text) => [...new Set(text.split(',').map((id) => id.trim()))].filter((id) => id !== ''))
      .pipe(z.array(z.string().max(200)).min(1, 'must name a model').max(10, 'may name ten models')),
  }),
  answers: { 200: { description: 'The cards, and which model is ahead in what', schema: Comparison } },
});

export const listStreamModels = contract({
  ...plain,
  operation: 'listStreamModels',
  paths: ['/api/v0.2/chat/stream/models'],
  summary: 'Cards of the models that stream, with their measured time to the first token',
  answers: { 200: { description: 'The cards', schema: StreamModelList } },
});

export const rankStreamModels = contract({
  ...plain,
  operation: 'rankStreamModels',
  paths: ['/api/v0.2/chat/stream/models/performance'],
  summary: 'Models by measured speed, by quality, and those fast enough for virtual reality',
  answers: { 200: { description: 'The rankings', schema: ModelRankings } },
});

export const recommendVrModel = contract({
  ...plain,
  operation: 'recommendVrModel',
  paths: ['/api/v0.2/chat/stream/models/vr-recommendation', '/api/v0.2/models/vr-recommendation'],
  summary: 'The best model for virtual reality',
  answers: { 200: { description: 'The recommendation', schema: Recommendation } },
});
