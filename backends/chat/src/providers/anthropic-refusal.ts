import { APIError } from '@anthropic-ai/sdk/core/error';
import * as z from 'zod';
import type { AppError } from '#shared/http/error.ts';
import { parsedJson } from '#shared/json.ts';
import { keptHeaders, presentable, refusal, type Refused } from './refused.ts';

const ErrorBody = z.object({
  error: z.object({
    type: z.string(),
    message: z.string(),
    details: z.object({ error_code: z.string() }).nullish().catch(null),
  }),
});

const accountTypes = new Set(['authentication_error', 'billing_error', 'permission_error']);

/** By the error codes of the SDK: ours to settle with Anthropic, whatever status they come with. */
const accountCodes = new Set([
  'cmek_key_disabled',
  'cmek_key_network_blocked',
  'contract_spend_limit_reached',
  'enforced_spend_limit_reached',
  'linked_organization_billing_unavailable',
  'linked_organization_spend_limit_reached',
  'organization_on_hold',
  'organization_type_not_supported',
]);

/** Two refusals over money that come as 400 `invalid_request_error` without a code; only their words tell them. */
const accountMessages = [
  /credit balance is too low/i,
  /^You have reached your specified (?:workspace )?API usage limits/,
];

/** Translates an answer of Anthropic's that is not 200. */
export function anthropicRefusal(refused: Refused): AppError {
  const parsed = ErrorBody.safeParse(parsedJson(refused.text));
  const said = parsed.success ? parsed.data.error : null;
  const error = APIError.generate(
    refused.status,
    said ? { type: 'error', error: { ...said, message: presentable(said.message) } } : undefined,
    presentable(refused.text),
    keptHeaders(refused.headers),
  );
  return refusal(refused, {
    error,
    message: said?.message ?? null,
    param: null,
    isAboutOurAccount: said !== null && isAboutOurAccount(said),
  });
}

function isAboutOurAccount({ type, message, details }: z.infer<typeof ErrorBody>['error']): boolean {
  if (accountTypes.has(type) || accountCodes.has(details?.error_code ?? '')) return true;
  return accountMessages.some((words) => words.test(message));
}
