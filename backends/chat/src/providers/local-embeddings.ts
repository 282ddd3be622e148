import { createHash } from 'node:crypto';
import * as z from 'zod';
import { invalidLocalRequest } from './local-request.ts';

const EmbeddingsRequest = z.object({
  model: z.string(),
  input: z.union([
    z.string().transform((text) => [text]),
    z.array(z.string()).min(1).max(2_048),
    z
      .array(z.number())
      .min(1)
      .transform((tokens) => [tokens.join(' ')]),
    z
      .array(z.array(z.number()))
      .min(1)
      .max(2_048)
      .transform((inputs) => inputs.map((tokens) => tokens.join(' '))),
  ]),
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.number().int().min(1).max(4_096).nullish(),
});

const usualDimensions = 256;

/**
 * Vectors that count words: texts that share words are near each other, which is enough to try a search. The same text
 * always has the same vector, of length one.
 */
export function embeddingsAnswer(body: Uint8Array): unknown {
  const parsed = EmbeddingsRequest.safeParse(JSON.parse(Buffer.from(body).toString('utf8')));
  if (!parsed.success) throw invalidLocalRequest(parsed.error);
  const { model, input, encoding_format, dimensions } = parsed.data;
  const data = input.map((text, index) => {
    const vector = vectorOf(text, dimensions ?? usualDimensions);
    const embedding = encoding_format === 'base64' ? Buffer.from(vector.buffer).toString('base64') : [...vector];
    return { object: 'embedding', index, embedding };
  });
  const tokens = input.reduce((sum, text) => sum + Math.ceil(text.length / 4), 0);
  return { object: 'list', model: `local/${model}`, data, usage: { prompt_tokens: tokens, total_tokens: tokens } };
}

function vectorOf(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(dimensions);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    const place = createHash('sha256').update(word).digest().readUInt32LE() % dimensions;
    vector[place] = (vector[place] ?? 0) + 1;
  }
  const length = Math.hypot(...vector);
  return vector.map((value) => value / length);
}
