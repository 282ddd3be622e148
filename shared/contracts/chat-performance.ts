import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';

/** Milliseconds of the calls that were measured. */
export const Distribution = z
  .object({ count: z.int(), p50: z.number(), p95: z.number(), p99: z.number(), max: z.number() })
  .openapi('Distribution');

/** From real calls in a window of time; null where nothing was measured. */
export const measuredShape = {
  calls: z.int(),
  completed: z.int(),
  failed: z.int(),
  cancelled: z.int(),
  /** Failures among the calls that ended by themselves, from 0 to 1. */
  error_rate: z.number().nullable(),
  /** Until the first byte of the answer. */
  ttft_ms: Distribution.nullable(),
  total_ms: Distribution.nullable(),
};

export const Stages = z
  .object({
    admission: Distribution.nullable(),
    persona: Distribution.nullable(),
    conversation: Distribution.nullable(),
    provider_first_byte: Distribution.nullable(),
    provider_total: Distribution.nullable(),
  })
  .openapi('Stages');

export const ModelPerformance = z
  .object({ model: z.string(), provider: z.string(), ...measuredShape })
  .openapi('ModelPerformance');

export const ProviderPerformance = z.object({ provider: z.string(), ...measuredShape }).openapi('ProviderPerformance');

const windowShape = { window_seconds: z.int(), timestamp: z.string() };
const status = z.enum(['unknown', 'healthy', 'degraded', 'unhealthy']);

export const PerformanceSummary = z
  .object({
    ...windowShape,
    overall: z.object({ ...measuredShape, stages: Stages }),
    models: z.array(ModelPerformance),
  })
  .openapi('PerformanceSummary');

export const ProvidersPerformance = z
  .object({ ...windowShape, providers: z.array(ProviderPerformance) })
  .openapi('ProvidersPerformance');

export const StagesPerformance = z.object({ ...windowShape, stages: Stages }).openapi('StagesPerformance');

export const LivePerformance = z
  .object({
    ...windowShape,
    calls_per_second: z.number(),
    overall: z.object(measuredShape),
    providers: z.array(ProviderPerformance),
  })
  .openapi('LivePerformance');

export const PerformanceHealth = z
  .object({
    ...windowShape,
    status,
    error_rate: z.number().nullable(),
    providers: z.array(z.object({ id: z.string(), status })),
  })
  .openapi('PerformanceHealth');

const common = {
  ...noBody,
  ...noQuery,
  service: 'chat',
  method: 'get',
  access: 'chat:read',
  tag: 'Performance',
} as const;

export const getPerformanceSummary = contract({
  ...common,
  operation: 'getPerformanceSummary',
  paths: ['/api/v0.2/performance/summary'],
  summary: 'How the calls of the last 15 minutes went, in all and by model',
  description:
    'Measured by this process from real calls, at most the last 256 of each model. Models that the caller may not use count in `overall` and are not named.',
  answers: { 200: { description: 'The measurements', schema: PerformanceSummary } },
});

export const getProvidersPerformance = contract({
  ...common,
  operation: 'getProvidersPerformance',
  paths: ['/api/v0.2/performance/providers'],
  summary: 'How the calls of the last 15 minutes went, by provider',
  answers: { 200: { description: 'The measurements', schema: ProvidersPerformance } },
});

export const getStagesPerformance = contract({
  ...common,
  operation: 'getStagesPerformance',
  paths: ['/api/v0.2/performance/stages'],
  summary: 'How long each part of a request took in the last 15 minutes',
  answers: { 200: { description: 'The measurements', schema: StagesPerformance } },
});

export const getLivePerformance = contract({
  ...common,
  operation: 'getLivePerformance',
  paths: ['/api/v0.2/performance/live'],
  summary: 'How the calls of the last minute went',
  answers: { 200: { description: 'The measurements', schema: LivePerformance } },
});

export const getPerformanceHealth = contract({
  ...common,
  operation: 'getPerformanceHealth',
  paths: ['/api/v0.2/performance/health'],
  summary: 'Whether calls go well',
  answers: { 200: { description: 'What was measured', schema: PerformanceHealth } },
});

export const resetPerformance = contract({
  ...common,
  operation: 'resetPerformance',
  method: 'delete',
  paths: ['/api/v0.2/performance/reset'],
  access: 'admin',
  summary: 'Forget all measurements of this process',
  answers: { 200: { description: 'Forgotten', schema: z.object({ success: z.literal(true), message: z.string() }) } },
});
