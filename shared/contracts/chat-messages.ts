import { z } from '@hono/zod-openapi';
import { ModelName } from './chat-completions.ts';
import { contract, noQuery } from './contract.ts';

const Block = z.looseObject({ type: z.string().min(1).max(64) });
const Text = z.union([z.string(), z.array(Block).max(10_000)]);

const Message = z
  .looseObject({ role: z.enum(['user', 'assistant', 'system']), content: Text })
  .openapi('AnthropicMessage');

const prompt = {
  model: ModelName,
  messages: z.array(Message).min(1).max(100_000),
  system: Text.nullish(),
  tools: z.array(z.looseObject({})).max(512).nullish(),
  tool_choice: z.looseObject({ type: z.string() }).nullish(),
  thinking: z.looseObject({ type: z.string() }).nullish(),
};

/** Anthropic's request. The fields below are checked; any other is the provider's business and is passed on as it is. */
export const MessageRequest = z
  .looseObject({
    ...prompt,
    max_tokens: z.int().min(1).max(1_000_000),
    stream: z.boolean().nullish(),
    temperature: z.number().min(0).max(1).nullish(),
    top_p: z.number().min(0).max(1).nullish(),
    top_k: z.int().min(0).nullish(),
    stop_sequences: z.array(z.string()).max(100).nullish(),
    metadata: z.looseObject({}).nullish(),
  })
  .openapi('MessageRequest');

export const AnthropicMessageAnswer = z
  .looseObject({
    id: z.string(),
    type: z.literal('message'),
    role: z.literal('assistant'),
    model: z.string(),
    content: z.array(Block),
    stop_reason: z.string().nullable(),
    usage: z.looseObject({ input_tokens: z.int(), output_tokens: z.int() }),
  })
  .openapi('Message');

const common = { ...noQuery, service: 'chat', method: 'post', access: 'chat:write', tag: 'Anthropic' } as const;
const maxBytes = 32 * 1024 * 1024;

export const createMessage = contract({
  ...common,
  operation: 'createMessage',
  isRepeatable: true,
  paths: ['/v1/messages'],
  summary: 'Create a message',
  description:
    'Anthropic’s Messages, also with models of other providers. A stream that breaks ends with an `error` event and ' +
    'without `message_stop`.',
  body: { schema: MessageRequest, maxBytes },
  answers: {
    200: { description: 'The message', schema: AnthropicMessageAnswer, stream: 'Events up to `message_stop`' },
  },
});

export const countMessageTokens = contract({
  ...common,
  operation: 'countMessageTokens',
  paths: ['/v1/messages/count_tokens'],
  summary: 'Count the tokens of a message before it is sent',
  description: 'Exact where the model’s vendor counts. For other models it is an estimate from the length of the text.',
  body: { schema: z.looseObject(prompt).openapi('CountTokensRequest'), maxBytes },
  answers: {
    200: {
      description: 'The count',
      schema: z.looseObject({ input_tokens: z.int() }).openapi('MessageTokensCount'),
    },
  },
});
