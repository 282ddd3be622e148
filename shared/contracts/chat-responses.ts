import { z } from '@hono/zod-openapi';
import { ModelName } from './chat-completions.ts';
import { contract, noQuery } from './contract.ts';

const Item = z.looseObject({ type: z.string().max(64).optional() });

/** OpenAI's request. The fields below are checked; any other is the provider's business and is passed on as it is. */
export const ResponseRequest = z
  .looseObject({
    model: ModelName,
    input: z.union([z.string(), z.array(Item).min(1).max(10_000)]),
    instructions: z.string().nullish(),
    stream: z.boolean().nullish(),
    max_output_tokens: z.int().min(1).max(1_000_000).nullish(),
    temperature: z.number().min(0).max(2).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    tools: z
      .array(z.looseObject({ type: z.string().min(1).max(64) }))
      .max(512)
      .nullish(),
    tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]).nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    metadata: z.record(z.string(), z.string()).nullish(),
    background: z.literal(false, 'is not offered here').nullish(),
  })
  .openapi('ResponseRequest');

export const ResponseAnswer = z
  .looseObject({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.number(),
    status: z.string(),
    model: z.string(),
    output: z.array(z.looseObject({ type: z.string() })),
  })
  .openapi('Response');

export const createResponse = contract({
  ...noQuery,
  operation: 'createResponse',
  isRepeatable: true,
  service: 'chat',
  method: 'post',
  paths: ['/v1/responses'],
  access: 'chat:write',
  tag: 'OpenAI',
  summary: 'Create a response',
  description:
    'OpenAI’s Responses. Providers that do not speak this protocol are translated to; then nothing is stored, so that ' +
    '`previous_response_id` and tools that run at OpenAI are refused. A stream that breaks ends with an `error` event.',
  body: { schema: ResponseRequest, maxBytes: 32 * 1024 * 1024 },
  answers: {
    200: { description: 'The response', schema: ResponseAnswer, stream: 'Events up to `response.completed`' },
  },
});
