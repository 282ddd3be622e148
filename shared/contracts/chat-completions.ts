import { z } from '@hono/zod-openapi';
import { contract, noQuery } from './contract.ts';

/** `model` or `provider/model`. */
export const ModelName = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[A-Za-z0-9][\w.:/@=,+-]*$/, 'may have letters, digits and . _ - : / @ = , +')
  .refine((name) => !name.includes('..'), 'may not contain ..');

const count = (max: number) => z.int().min(1).max(max).nullish();
const between = (min: number, max: number) => z.number().min(min).max(max).nullish();

const ContentPart = z.looseObject({ type: z.string().min(1).max(64) });
const ToolCall = z.looseObject({ id: z.string().max(512), type: z.string().max(64) });

export const ChatCompletionMessage = z
  .looseObject({
    role: z.enum(['developer', 'system', 'user', 'assistant', 'tool', 'function']),
    content: z.union([z.string(), z.array(ContentPart).max(10_000)]).nullish(),
    name: z.string().max(512).nullish(),
    tool_call_id: z.string().max(512).nullish(),
    tool_calls: z.array(ToolCall).max(512).nullish(),
  })
  .openapi('ChatCompletionMessage');

const Tool = z.looseObject({ type: z.string().min(1).max(64) });

/** OpenAI's request. The fields below are checked; any other is the provider's business and is passed on as it is. */
export const ChatCompletionRequest = z
  .looseObject({
    model: ModelName,
    messages: z.array(ChatCompletionMessage).min(1).max(10_000),
    stream: z.boolean().nullish(),
    stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
    max_tokens: count(1_000_000),
    max_completion_tokens: count(1_000_000),
    n: count(16),
    temperature: between(0, 2),
    top_p: between(0, 1),
    presence_penalty: between(-2, 2),
    frequency_penalty: between(-2, 2),
    logprobs: z.boolean().nullish(),
    top_logprobs: z.int().min(0).max(20).nullish(),
    logit_bias: z.record(z.string(), z.number().min(-100).max(100)).nullish(),
    seed: z.int().nullish(),
    stop: z.union([z.string(), z.array(z.string()).max(4)]).nullish(),
    tools: z.array(Tool).max(512).nullish(),
    tool_choice: z.union([z.string(), z.looseObject({ type: z.string() })]).nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    response_format: z.looseObject({ type: z.string() }).nullish(),
    reasoning_effort: z.string().max(64).nullish(),
    metadata: z.record(z.string(), z.string()).nullish(),
    user: z.string().max(512).nullish(),
  })
  .openapi('ChatCompletionRequest');

const Usage = z.looseObject({
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
});

export const ChatCompletion = z
  .looseObject({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.looseObject({
        index: z.int(),
        finish_reason: z.string().nullable(),
        message: z.looseObject({ role: z.literal('assistant'), content: z.string().nullish() }),
      }),
    ),
    usage: Usage.optional(),
  })
  .openapi('ChatCompletion');

export const createChatCompletion = contract({
  ...noQuery,
  operation: 'createChatCompletion',
  isRepeatable: true,
  service: 'chat',
  method: 'post',
  paths: ['/v1/chat/completions'],
  access: 'chat:write',
  tag: 'OpenAI',
  summary: 'Complete a conversation',
  description:
    'OpenAI’s chat completions. `model` is an id of /v1/models, or `provider/model`, which always selects that provider. ' +
    'With `stream: true` the provider’s events are passed on as they come; a stream that breaks ends with ' +
    '`data: {"error":{…}}` and without `[DONE]`.',
  body: { schema: ChatCompletionRequest, maxBytes: 32 * 1024 * 1024 },
  answers: {
    200: {
      description: 'The completion',
      schema: ChatCompletion,
      stream: 'Events of `chat.completion.chunk` objects, then `data: [DONE]`',
    },
  },
});
