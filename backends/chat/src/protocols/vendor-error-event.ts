import { AppError, type ErrorCode } from '#shared/http/error.ts';
import { isObject } from '#shared/json.ts';
import { mask } from '#shared/log.ts';

/** What OpenAI and Anthropic call their errors. Ours with the vendor (its key, its bill) are not the caller's affair. */
const codes: ReadonlyMap<string, ErrorCode> = new Map([
  ['overloaded_error', 'unavailable'],
  ['server_overloaded', 'unavailable'],
  ['rate_limit_error', 'rate_limited'],
  ['rate_limit_exceeded', 'rate_limited'],
  ['timeout_error', 'upstream_timeout'],
  ['invalid_request_error', 'invalid_request'],
  ['request_too_large', 'payload_too_large'],
]);

/** The error that a vendor reports inside a stream it had begun, as `{message, type, code}` or as a bare text. */
export function vendorErrorEvent(error: unknown): AppError {
  const { message, type, code } = isObject(error) ? error : { message: error, type: undefined, code: undefined };
  const said = typeof message === 'string' ? `: ${mask(message).slice(0, 1_000)}` : '';
  const known = [type, code].map((name) => (typeof name === 'string' ? codes.get(name) : undefined)).find(Boolean);
  return new AppError(known ?? 'upstream_failed', `The provider reported an error${said}`, {
    sideEffectPossible: true,
  });
}
