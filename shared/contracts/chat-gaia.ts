import { z } from '@hono/zod-openapi';
import { ChatCompletion, ChatCompletionMessage, ModelName } from './chat-completions.ts';
import { contract, noQuery } from './contract.ts';
import { IdSchema } from './lists.ts';
import { contextTypes, priorities } from './model-wishes.ts';

const Message = z.string().min(1).max(1_000_000);
const ConversationId = z.union([z.literal('new'), IdSchema]);
const ProviderId = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'may have lower-case letters, digits and -');

/** What the clients of the earlier system send. */
export const ChatRequest = z
  .object({
    message: Message.nullish().describe('What the user says. Required where there are no `messages`.'),
    messages: z
      .array(ChatCompletionMessage)
      .min(1)
      .max(1_000)
      .nullish()
      .describe('In OpenAI’s shape. Without `conversation_id` nothing is stored and the caller keeps the history.'),
    conversation_id: ConversationId.nullish().describe('`new` or absent: a new one, whose id is in the answer'),
    stream: z.boolean().nullish(),
    provider: ProviderId.nullish(),
    model: ModelName.nullish(),
    persona_id: IdSchema.nullish(),
    activity: z.string().min(1).max(64).default('generic'),
    priority: z.enum(priorities).nullish(),
    context_type: z.enum(contextTypes).nullish(),
    max_response_time_ms: z.int().min(1).max(600_000).nullish(),
    required_capabilities: z.array(z.string().min(1).max(64)).max(16).nullish(),
    auto_select_model: z.boolean().default(false),
    force_provider: z.boolean().default(false),
    enable_fallback: z.boolean().default(true),
    temperature: z.number().min(0).max(2).nullish().describe('0.7 where absent, if the model takes one'),
    max_tokens: z.int().min(1).max(1_000_000).nullish().describe('2,000 where absent'),
    tools: z
      .array(z.looseObject({ type: z.string().min(1).max(64) }))
      .max(512)
      .nullish(),
  })
  .refine(({ message, messages }) => Boolean(message ?? messages), { path: ['message'], message: 'is required' })
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
};

export const ChatResponse = z.object(answerFields).openapi('ChatResponse');
export type ChatResponseBody = z.output<typeof ChatResponse>;

export const UnitedChatResponse = ChatCompletion.extend({
  ...answerFields,
  usage: TokenCounts.extend({ prompt_tokens: z.int(), completion_tokens: z.int() }),
}).openapi('UnitedChatResponse');

const common = { ...noQuery, service: 'chat', method: 'post', access: 'chat:write', tag: 'Chat' } as const;
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
    'tool_use, fallback_attempt and error. A stream that breaks ends with an error and without `[DONE]`.',
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
