import * as z from 'zod';

/** Why Supabase did not do what it was asked to. Anything else that goes wrong means that it cannot be used now. */
export type Refusal =
  | 'bad_credentials'
  | 'bad_code'
  | 'bad_request'
  | 'bad_address'
  | 'weak_password'
  | 'same_password'
  | 'address_taken'
  | 'mail_limit'
  | 'closed';

export type Outcome<T> = { kind: 'done'; value: T } | { kind: Refusal };

const Name = z
  .string()
  .trim()
  .min(1)
  .max(255)
  .regex(/^\P{Cc}*$/u);

/** `user_metadata` is whatever the user wrote there, so only a name that we would have taken ourselves counts. */
const UserSchema = z.object({
  id: z.uuid(),
  email: z.email().max(254).nullish().catch(null),
  email_confirmed_at: z.string().nullish(),
  user_metadata: z
    .object({ name: Name.nullable().catch(null) })
    .nullish()
    .catch(null),
});

export type GotrueUser = z.infer<typeof UserSchema>;

export const GotrueSessionSchema = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1),
  expires_in: z.int().positive(),
  user: UserSchema,
});

export type GotrueSession = z.infer<typeof GotrueSessionSchema>;

/** From https://supabase.com/docs/guides/auth/debugging/error-codes. */
const refusals: Record<string, Refusal> = {
  invalid_credentials: 'bad_credentials',
  email_not_confirmed: 'bad_credentials',
  user_banned: 'bad_credentials',
  user_not_found: 'bad_credentials',
  refresh_token_not_found: 'bad_credentials',
  refresh_token_already_used: 'bad_credentials',
  session_not_found: 'bad_credentials',
  session_expired: 'bad_credentials',
  invalid_grant: 'bad_credentials',
  otp_expired: 'bad_code',
  validation_failed: 'bad_request',
  email_address_invalid: 'bad_address',
  email_address_not_authorized: 'bad_address',
  weak_password: 'weak_password',
  same_password: 'same_password',
  user_already_exists: 'address_taken',
  email_exists: 'address_taken',
  over_email_send_rate_limit: 'mail_limit',
  signup_disabled: 'closed',
  email_provider_disabled: 'closed',
};

/** What older servers, which have no codes, say instead. */
const refusalsByMessage: readonly (readonly [RegExp, Refusal])[] = [
  [/^Token has expired or is invalid/, 'bad_code'],
  [/^User already registered/, 'address_taken'],
  [/^Password should /, 'weak_password'],
  [/^New password should be different/, 'same_password'],
  [/^Signups not allowed/, 'closed'],
  [/^Unable to validate email address/, 'bad_address'],
];

const text = z.string().optional().catch(undefined);

/** `error_code`, or `code` as text in newer versions of the API; `error` is how OAuth calls it. */
const ErrorSchema = z.object({ error_code: text, code: text, error: text, msg: text });

/** Undefined: not a refusal that we know. */
export function refusalIn(body: unknown): Refusal | undefined {
  const said = ErrorSchema.safeParse(body);
  if (!said.success) return undefined;
  const { error_code: code = said.data.code ?? said.data.error, msg = '' } = said.data;
  if (code !== undefined && Object.hasOwn(refusals, code)) return refusals[code];
  return refusalsByMessage.find(([pattern]) => pattern.test(msg))?.[1];
}
