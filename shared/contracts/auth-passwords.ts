import { z } from '@hono/zod-openapi';
import { AcknowledgedSchema, Email, NewPassword, Password, SignedInSchema } from './auth-sessions.ts';
import { contract, noQuery } from './contract.ts';

const common = { ...noQuery, service: 'auth', method: 'post', tag: 'Auth' } as const;
const maxBytes = 8_192;

export const forgotPassword = contract({
  ...common,
  operation: 'forgotPassword',
  paths: ['/api/v1/auth/forgot-password', '/api/v0.3/auth/forgot-password'],
  access: 'public',
  summary: 'Ask for a mail with a code that sets a new password',
  description: 'The same answer, after the same time, whether or not anybody has this address.',
  body: { schema: z.strictObject({ email: Email }), maxBytes },
  answers: { 200: { description: 'If the address has an account, a mail is on its way', schema: AcknowledgedSchema } },
});

export const resetPassword = contract({
  ...common,
  operation: 'resetPassword',
  paths: ['/api/v1/auth/reset-password', '/api/v0.3/auth/reset-password'],
  access: 'public',
  summary: 'Set a new password with the code out of the mail',
  description:
    'A code works once, for an hour (one of an invitation: for seven days). All sessions of the account end within five ' +
    'seconds; API keys go on.',
  body: {
    schema: z.strictObject({ token: z.string().min(1).max(256), email: Email, password: NewPassword }),
    maxBytes,
  },
  answers: {
    200: { description: 'The password is set', schema: AcknowledgedSchema },
    400: { description: 'The code is not valid, or not any more' },
  },
});

export const changePassword = contract({
  ...common,
  operation: 'changePassword',
  paths: ['/api/v1/auth/change-password'],
  access: 'authenticated',
  summary: 'Change the password of the account that is logged in',
  description: 'All sessions end within five seconds, and the answer has a new one. API keys go on.',
  body: { schema: z.strictObject({ current_password: Password, new_password: NewPassword }), maxBytes },
  answers: {
    200: { description: 'The account, and its new session', schema: SignedInSchema },
    400: { description: 'The account has no password, or this was called with a key' },
  },
});
