import { z } from '@hono/zod-openapi';
import { contract, noBody, noQuery } from './contract.ts';

/** ASCII, so that lower case is the same everywhere; longer addresses cannot be delivered to. */
export const Email = z.email('must be an e-mail address').max(254);

export const NewPassword = z
  .string()
  .min(8, 'must have at least 8 characters')
  .max(256, 'may have at most 256 characters')
  .regex(/^\P{Cc}*$/u, 'may not have control characters');

/** What never fits is told like any other wrong password, not by its length. */
export const Password = z.string().min(1).max(256);

const Name = z
  .string()
  .trim()
  .min(1)
  .max(255)
  .regex(/^\P{Cc}*$/u, 'may not have control characters');

const RefreshToken = z.string().min(1).max(512);

export const UserSchema = z
  .object({
    id: z.uuid(),
    email: z.string().nullable(),
    name: z.string().nullable(),
    role: z.enum(['user', 'admin']),
    /** False: the address is only claimed. Whether somebody else has it is told to its mailbox alone. */
    email_confirmed: z.boolean(),
    created_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
  })
  .openapi('User');

export const SessionSchema = z
  .object({
    access_token: z.string(),
    refresh_token: z.string(),
    expires_in: z.int(),
    token_type: z.literal('bearer'),
  })
  .openapi('Session');

export const SignedInSchema = z.object({ user: UserSchema, session: SessionSchema }).openapi('SignedIn');

export const AcknowledgedSchema = z.object({ message: z.string() });

const open = { ...noQuery, service: 'auth', method: 'post', access: 'public', tag: 'Auth' } as const;
const small = 8_192;

export const register = contract({
  ...open,
  operation: 'register',
  paths: ['/api/v1/auth/register', '/api/v0.3/auth/register'],
  summary: 'Make an account and log in to it',
  description:
    'Answers alike whether or not the address is taken: an address belongs to an account once its mailbox has ' +
    'confirmed it, and until then to none.',
  body: { schema: z.strictObject({ email: Email, password: NewPassword, name: Name.nullish() }), maxBytes: small },
  answers: {
    201: { description: 'The account, and a session of it', schema: SignedInSchema },
    202: {
      description: 'With Supabase: the same for every address. Log in, once it is confirmed',
      schema: AcknowledgedSchema,
    },
  },
});

export const logIn = contract({
  ...open,
  operation: 'logIn',
  paths: ['/api/v1/auth/login', '/api/v0.3/auth/login'],
  summary: 'Start a session with address and password',
  body: { schema: z.strictObject({ email: Email, password: Password }), maxBytes: small },
  answers: { 200: { description: 'The account, and a new session', schema: SignedInSchema } },
});

export const refreshSession = contract({
  ...open,
  operation: 'refreshSession',
  paths: ['/api/v1/auth/refresh', '/api/v0.3/auth/refresh'],
  summary: 'Exchange a refresh token for the next one and a new access token',
  description:
    'Each refresh token works once. For ten seconds it gives the same next token again, for tabs that ask at the same ' +
    'time and for answers that got lost; after that it ends the session, because it may have been stolen.',
  body: { schema: z.strictObject({ refresh_token: RefreshToken }), maxBytes: small },
  answers: { 200: { description: 'The account, and the session with new tokens', schema: SignedInSchema } },
});

export const logOut = contract({
  ...noBody,
  ...noQuery,
  operation: 'logOut',
  service: 'auth',
  method: 'post',
  paths: ['/api/v1/auth/logout', '/api/v0.3/auth/logout'],
  access: 'authenticated',
  tag: 'Auth',
  summary: 'End the session of the access token',
  description:
    'Within five seconds the session is refused everywhere. A token that a key was exchanged for ends alone. An API key has ' +
    'no session: revoke it instead.',
  answers: { 204: { description: 'It has ended' } },
});

export const confirmEmail = contract({
  ...open,
  operation: 'confirmEmail',
  paths: ['/api/v1/auth/confirm', '/api/v0.3/auth/confirm'],
  summary: 'Confirm an address with the code that was sent to it',
  body: { schema: z.strictObject({ token: z.string().min(1).max(256), email: Email }), maxBytes: small },
  answers: { 200: { description: 'The address is confirmed', schema: AcknowledgedSchema } },
});

export const resendVerification = contract({
  ...open,
  operation: 'resendVerification',
  paths: ['/api/v1/auth/resend-verification', '/api/v0.3/auth/resend-verification'],
  summary: 'Send the code again',
  description: 'The same answer, after the same time, whether or not anybody waits for this address.',
  body: { schema: z.strictObject({ email: Email }), maxBytes: small },
  answers: { 200: { description: 'If somebody waits for it, a mail is on its way', schema: AcknowledgedSchema } },
});

export const validateCredential = contract({
  ...open,
  operation: 'validateCredential',
  paths: ['/api/v1/auth/validate', '/api/v0.3/auth/validate'],
  summary: 'Whether a token or a key is good, and whose it is',
  description: '200 whatever it is worth. With both, both must be good and name the same user.',
  body: {
    // What is too long for a credential is a bad one, and no bad request.
    schema: z.strictObject({ token: z.string().max(16_384).nullish(), api_key: z.string().max(16_384).nullish() }),
    maxBytes: 16_384,
  },
  answers: {
    200: {
      description: 'What it is',
      schema: z.object({
        valid: z.boolean(),
        auth_type: z.enum(['jwt', 'api_key', 'none']),
        user_id: z.uuid().nullable(),
        error: z.string().nullable(),
      }),
    },
  },
});

export const getMe = contract({
  ...noBody,
  ...noQuery,
  operation: 'getMe',
  service: 'auth',
  method: 'get',
  paths: ['/api/v1/auth/me'],
  access: 'authenticated',
  tag: 'Auth',
  summary: 'The account behind the credential',
  answers: { 200: { description: 'The account', schema: UserSchema } },
});

export const updateMe = contract({
  ...noQuery,
  operation: 'updateMe',
  service: 'auth',
  method: 'patch',
  paths: ['/api/v1/auth/me'],
  access: 'authenticated',
  tag: 'Auth',
  summary: 'Change the name of the account',
  body: { schema: z.strictObject({ name: Name.nullable().optional() }), maxBytes: small },
  answers: { 200: { description: 'The account as it is now', schema: UserSchema } },
});
