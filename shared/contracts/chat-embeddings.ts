import { z } from '@hono/zod-openapi';
import { ModelName } from './chat-completions.ts';
import { contract, noQuery } from './contract.ts';

const Tokens = z.array(z.int().min(0)).min(1).max(100_000);

export const EmbeddingRequest = z
  .looseObject({
    model: ModelName,
    input: z.union([
      z.string().min(1),
      z.array(z.string()).min(1).max(2_048),
      Tokens,
      z.array(Tokens).min(1).max(2_048),
    ]),
    encoding_format: z.enum(['float', 'base64']).nullish(),
    dimensions: z.int().min(1).max(100_000).nullish(),
    user: z.string().max(512).nullish(),
  })
  .openapi('EmbeddingRequest');

export const EmbeddingList = z
  .looseObject({
    object: z.literal('list'),
    model: z.string(),
    data: z.array(
      z.looseObject({
        object: z.literal('embedding'),
        index: z.int(),
        embedding: z.union([z.array(z.number()), z.string()]),
      }),
    ),
    usage: z.looseObject({ prompt_tokens: z.int(), total_tokens: z.int() }),
  })
  .openapi('EmbeddingList');

export const createEmbedding = contract({
  ...noQuery,
  operation: 'createEmbedding',
  isRepeatable: true,
  service: 'chat',
  method: 'post',
  paths: ['/v1/embeddings'],
  access: 'chat:write',
  tag: 'OpenAI',
  summary: 'Embed texts',
  body: { schema: EmbeddingRequest, maxBytes: 32 * 1024 * 1024 },
  answers: { 200: { description: 'One embedding for each input', schema: EmbeddingList } },
});
