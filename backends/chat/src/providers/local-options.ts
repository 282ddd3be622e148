import * as z from 'zod';
import { AppError } from '#shared/http/error.ts';

export const localFaults = ['none', 'error', 'rate_limit', 'cut', 'error_event', 'hang', 'empty'] as const;

/**
 * What may follow the model's name: `local/echo:first_ms=200,chunk_ms=5,chunks=50,fault=cut`.
 *
 * - `first_ms`: time until the first byte
 * - `chunk_ms`: time between two chunks
 * - `chunks`: how many chunks of text; without it, one for each word of the echo
 * - `fault`: `error` and `rate_limit` refuse before the first byte, `empty` ends before it, `cut` breaks the connection
 *   half-way, `error_event` reports an error half-way, `hang` goes silent half-way
 * - `tools`: `call` calls the first tool of the request, unless its answer is there already
 */
const LocalOptionsSchema = z.strictObject({
  first_ms: z.coerce.number().int().min(0).max(60_000).default(0),
  chunk_ms: z.coerce.number().int().min(0).max(10_000).default(0),
  chunks: z.coerce.number().int().min(1).max(10_000).optional(),
  fault: z.enum(localFaults).default('none'),
  tools: z.enum(['ignore', 'call']).default('ignore'),
});

export type LocalOptions = z.infer<typeof LocalOptionsSchema>;

/** Parses the name of a model with its options, such as `echo:chunks=3`. */
export function parseLocalOptions(model: string): LocalOptions {
  const suffix = model.split(':').slice(1).join(':');
  const pairs = suffix === '' ? [] : suffix.split(',').map((pair) => pair.split('='));
  const result = LocalOptionsSchema.safeParse(Object.fromEntries(pairs));
  const isWellFormed = pairs.every((pair) => pair.length === 2 && pair[1] !== '');
  const isUnique = new Set(pairs.map(([name]) => name)).size === pairs.length;
  if (result.success && isWellFormed && isUnique) return result.data;
  const message =
    'The options of the local stand-in are first_ms, chunk_ms, chunks, fault and tools, each at most once';
  throw new AppError('validation_failed', `model: ${message}`, { errors: [{ path: 'model', message }] });
}
