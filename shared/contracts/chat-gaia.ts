import { z } from '@hono/zod-openapi';
import { ChatCompletion, ChatCompletionMessage, ChatCompletionRequest, ModelName } from './chat-completions.ts';
import { contract, noQuery } from './contract.ts';
import { IdSchema } from './lists.ts';
import { contextTypes, priorities } from './model-wishes.ts';

const Message = z.string().min(1).max(1_000_000);
const ConversationId = z.union([z.literal('new'), IdSchema]);
const ProviderId = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'may have lower-case letters, digits and -');

/** Absent, null or empty: Unity's serializer cannot leave a field out, and writes an empty text. */
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .union([schema, z.literal('').transform(() => undefined)], {
      // What is wrong with it, not that it is not empty either.
      error: ({ errors }) => (Array.isArray(errors) ? errors[0]?.[0]?.message : undefined),
    })
    .nullish();

/** OpenAI's fields that keep their meaning beside ours. */
const passedOn = ChatCompletionRequest.pick({
  max_completion_tokens: true,
  top_p: true,
  presence_penalty: true,
  frequency_penalty: true,
  stop: true,
  seed: true,
  tools: true,
  tool_choice: true,
  parallel_tool_calls: true,
  response_format: true,
  reasoning_effort: true,
  logprobs: true,
  top_logprobs: true,
  logit_bias: true,
  metadata: true,
  user: true,
  stream_options: true,
}).shape;

/** What the clients of the earlier system send. */
export const ChatRequest = z
  .object({
    ...passedOn,
    message: optional(Message).describe('What the user says. Required where there are no `messages`.'),
    messages: z
      .array(ChatCompletionMessage)
      .max(1_000)
      .nullish()
      .describe('In OpenAI’s shape. Without `conversation_id` nothing is stored and the caller keeps the history.'),
    conversation_id: optional(ConversationId).describe('`new` or absent: a new one, whose id is in the answer'),
    stream: z.boolean().nullish(),
    provider: optional(ProviderId),
    model: optional(ModelName),
    persona_id: optional(IdSchema),
    activity: z.string().max(64).nullish().describe('`generic` where absent; anything else is told to the model'),
    priority: optional(z.enum(priorities)),
    context_type: optional(z.enum(contextTypes)),
    max_response_time_ms: z.int().min(0).max(600_000).nullish().describe('0: no limit'),
    required_capabilities: z.array(z.string().min(1).max(64)).max(16).nullish(),
    auto_select_model: z.boolean().nullish().describe('false where absent'),
    force_provider: z.boolean().nullish().describe('false where absent: another provider may stand in for this one'),
    enable_fallback: z.boolean().nullish().describe('true where absent'),
    temperature: z.number().min(0).max(2).nullish().describe('0.7 where absent, if the model takes one'),
    max_tokens: z.int().min(0).max(1_000_000).nullish().describe('2,000 where absent or 0'),
    n: z.literal(1, 'one answer is given at a time').nullish(),
  })
  .refine(({ message, messages }) => Boolean(message) || Boolean(messages?.length), {
    path: ['message'],
    message: 'is required',
  })
  .openapi('ChatRequest');

export type ChatRequestBody = z.output<typeof ChatRequest>;

const TokenCounts = z.object({ input_tokens: z.int(), output_tokens: z.int(), total_tokens: z.int() });

const answerFields = {
  response: z.string(),
  provider: z.string(),
  model: z.string(),
  usage: TokenCounts,
  response_time_ms: z.number(),
  reasoning: z.string().optional().describe('Why this model, where the request did not name it'),
  fallback_used: z.boolean(),
  conversation_id: IdSchema.nullable(),
  tool_calls: z
    .array(z.looseObject({ function: z.looseObject({ name: z.string(), arguments: z.string() }) }))
    .optional()
    .describe('What the model wants of the tools that the request offered, in OpenAI’s shape'),
};

export const ChatResponse = z.object(answerFields).openapi('ChatResponse');
export type ChatResponseBody = z.output<typeof ChatResponse>;

export const UnitedChatResponse = ChatCompletion.extend({
  ...answerFields,
  usage: TokenCounts.extend({ prompt_tokens: z.int(), completion_tokens: z.int() }),
}).openapi('UnitedChatResponse');

const common = {
  ...noQuery,
  service: 'chat',
  method: 'post',
  access: 'chat:write',
  tag: 'Chat',
  isRepeatable: true,
} as const;
const body = { schema: ChatRequest, maxBytes: 32 * 1024 * 1024 };
const chunks = 'Events of `chat.completion.chunk` objects, then `data: [DONE]`';

export const chat = contract({
  ...common,
  operation: 'chat',
  paths: ['/api/v0.2/chat'],
  summary: 'Say something and get an answer',
  body,
  answers: { 200: { description: 'The answer', schema: ChatResponse, stream: chunks } },
});

export const chatStream = contract({
  ...common,
  operation: 'chatStream',
  paths: ['/api/v0.2/chat/stream'],
  summary: 'Say something and get the answer as it comes, with what happens on the way',
  description:
    'Events `data: {type, …}`: start, ready, model_selection, content, metadata, complete and then `data: [DONE]`; also ' +
    'tool_use, tool_error, error and fallback_attempt. Once the stream has begun, failures are events in it: with ' +
    '`fallback_available: true` it goes on, otherwise it ends without `complete` and without `[DONE]`.',
  body,
  answers: { 200: { description: 'Events', contentType: 'text/event-stream' } },
});

export const unitedChat = contract({
  ...common,
  operation: 'unitedChat',
  paths: ['/api/v1/chat', '/api/v1/chat/completions'],
  summary: 'An answer in our own fields and in OpenAI’s at once',
  body,
  answers: { 200: { description: 'The answer', schema: UnitedChatResponse, stream: chunks } },
});

export const simpleChat = contract({
  ...common,
  operation: 'simpleChat',
  paths: ['/api/v0.3/chat'],
  summary: 'Only a message, and only an answer',
  body: {
    schema: z
      .object({ message: Message, conversation_id: ConversationId.nullish(), stream: z.boolean().nullish() })
      .openapi('SimpleChatRequest'),
    maxBytes: 4 * 1024 * 1024,
  },
  answers: {
    200: {
      description: 'The answer',
      schema: z.object({ response: z.string(), conversation_id: IdSchema }).openapi('SimpleChatResponse'),
      stream: '`{conversation_id}`, then `{type: "content", content}`, `{type: "done"}` and `data: [DONE]`',
    },
  },
});
