import { APIError } from 'openai/core/error';
import * as z from 'zod';
import type { AppError } from '#shared/http/error.ts';
import { parsedJson } from '#shared/json.ts';
import { keptHeaders, presentable, refusal, type Refused } from './refused.ts';

const Said = z.object({
  message: z.string(),
  type: z.string().nullish().catch(null),
  param: z.string().nullish().catch(null),
  code: z
    .union([z.string(), z.number().transform(String)])
    .nullish()
    .catch(null),
});

/** What OpenAI sends (`{error: {message, type, param, code}}`), and what others make of it. */
const ErrorBody = z.union([
  z.object({ error: Said }).transform(({ error }) => error),
  z.object({ error: z.string() }).transform(({ error }) => ({ message: error })),
  Said,
  z.tuple([z.object({ error: Said })], z.unknown()).transform(([{ error }]) => error),
]);

/** By OpenAI's guide to error codes: no waiting and no other request helps, only its console does. */
const accountCodes = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'account_deactivated',
  'invalid_api_key',
]);

/** Translates an answer that is not 200 of a vendor who speaks OpenAI's protocols. */
export function openAiRefusal(refused: Refused): AppError {
  const parsed = ErrorBody.safeParse(parsedJson(refused.text));
  const said: z.infer<typeof Said> | null = parsed.success ? parsed.data : null;
  const error = APIError.generate(
    refused.status,
    said ? { error: { ...said, message: presentable(said.message) } } : {},
    presentable(refused.text),
    keptHeaders(refused.headers),
  );
  return refusal(refused, {
    error,
    message: said?.message ?? null,
    param: said?.param ?? null,
    isAboutOurAccount: [said?.code, said?.type].some((code) => accountCodes.has(code ?? '')),
  });
}
