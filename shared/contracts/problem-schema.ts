import { z } from '@hono/zod-openapi';
import { errorTable } from '../http/error.ts';

const codes = z.enum(Object.keys(errorTable));

/** The body of every error, RFC 9457 with OpenAI's `error` member beside it. */
export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string(),
    code: codes,
    request_id: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    error: z.object({ message: z.string(), type: z.string(), code: codes, param: z.string().nullable() }),
  })
  .openapi('Problem');

/** The same under `/v1/messages`. */
export const AnthropicProblemSchema = z
  .object({
    type: z.literal('error'),
    error: z.object({ type: z.string(), message: z.string() }),
    request_id: z.string(),
  })
  .openapi('AnthropicProblem');
