import { AppError, unauthenticated } from '#shared/http/error.ts';
import type { Logger } from '#shared/log.ts';
import { fieldError } from '../accounts/public-answers.ts';
import type { Outcome, Refusal } from './gotrue-answers.ts';

/** What a caller is told where Supabase refuses. */
export const errorOf: Record<Refusal, () => AppError> = {
  bad_credentials: unauthenticated,
  bad_code: () => new AppError('invalid_request', 'This code is not valid, or not any more'),
  bad_request: () => new AppError('invalid_request', 'The identity provider does not take this'),
  bad_address: () => fieldError('email', 'no mail can be sent to this address'),
  weak_password: () => fieldError('password', 'is too weak: take a longer one, of more kinds of characters'),
  same_password: () => fieldError('password', 'is the one before: take another one'),
  address_taken: unauthenticated,
  mail_limit: () => new AppError('rate_limited', 'Too many mails; please try again later', { retryAfterSeconds: 60 }),
  closed: () => new AppError('invalid_request', 'Accounts with a password are not open here'),
};

export function done<T>(outcome: Outcome<T>): T {
  if (outcome.kind === 'done') return outcome.value;
  throw errorOf[outcome.kind]();
}

/** These refusals would tell that the address has an account, or waits for one, so they look like success. */
export function requireTaken(log: Logger, outcome: Outcome<unknown>, hidden: readonly Refusal[]): void {
  if (outcome.kind === 'mail_limit') log.warn('Supabase sends no mail: its limit for a project or an address is met');
  if (outcome.kind === 'done' || hidden.includes(outcome.kind)) return;
  throw errorOf[outcome.kind]();
}
