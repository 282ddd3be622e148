import { randomBase62 } from '#shared/id.ts';
import { AppError, unauthenticated } from '#shared/http/error.ts';
import { refundAttempt, takeAttempt } from '../limits/attempts.ts';
import type { AccountLimits } from '../limits/account-limits.ts';
import type { Mailer } from '../mail/mailer.ts';
import { invitationMail, noAccountMail, passwordChangedMail, resetMail } from '../mail/password-mails.ts';
import type { PasswordHasher } from '../passwords/password-hasher.ts';
import type { NewCode, PasswordRepository } from '../passwords/password-repository.ts';
import { hashSecret } from '../sessions/refresh-token.ts';
import { beginSession } from '../sessions/session.ts';
import { addressOf, type AccountRepository, type Started, type Visitor } from './account.ts';
import type { PasswordProvider } from './identity-provider.ts';
import { fieldError, noSoonerThan } from './public-answers.ts';

export type EmbeddedPasswordOptions = {
  accounts: Pick<AccountRepository, 'saltOf'>;
  stored: PasswordRepository;
  passwords: PasswordHasher;
  mailer: Mailer;
  limits: AccountLimits;
  /** The page of the web front that sets a password; null: the mail has the code only. */
  resetUrl: string | null;
  signedIn: (started: Started, refreshToken: string) => ReturnType<PasswordProvider['change']>;
  now: () => Date;
};

const resetMs = 3_600_000;
const invitationMs = 7 * 24 * 3_600_000;
/** Longer than what happens for an address that has an account. */
const forgotMs = 150;

/**
 * Codes are made for the account that has an address, and only its mailbox sees them. One that somebody merely
 * registered is not given away like this: whoever registered it would have keys and sessions in it.
 */
export function createEmbeddedPasswords(options: EmbeddedPasswordOptions): PasswordProvider {
  return {
    forgot: async (email, visitor) => await noSoonerThan(forgotMs, forgot(options, email, visitor)),
    reset: (request, visitor) => reset(options, request, visitor),
    change: (request, visitor) => change(options, request, visitor),
    invite: async ({ id, email }) => {
      const address = addressOf(email);
      const { token, code } = newCode(options.now(), invitationMs);
      await options.stored.addCode({ userId: id, address }, code);
      options.mailer.send(invitationMail(email, token, options.resetUrl));
    },
  };
}

async function forgot(options: EmbeddedPasswordOptions, email: string, { actor }: Visitor): Promise<void> {
  const { stored, limits, mailer } = options;
  const address = addressOf(email);
  await takeAttempt(limits.resend(address, actor.address));
  const owner = await stored.ownerOf(address);
  if (!owner) {
    if ((await stored.isClaimed(address)) && (await limits.mail(address))) mailer.send(noAccountMail(email));
    return;
  }
  if (!(await limits.mail(address))) return;
  const { token, code } = newCode(options.now(), resetMs);
  await stored.addCode({ userId: owner.userId, address }, code);
  mailer.send(resetMail(owner.email, token, options.resetUrl));
}

async function reset(
  { accounts, stored, passwords, mailer, limits }: EmbeddedPasswordOptions,
  { token, email, password }: Parameters<PasswordProvider['reset']>[0],
  { actor }: Visitor,
): Promise<void> {
  const address = addressOf(email);
  const counted = limits.logIn(address, actor.address);
  await takeAttempt(counted);
  const tokenHash = hashSecret(token);
  if (!(await stored.isGood(tokenHash, address))) throw badCode();
  const passwordHash = await passwords.hash(password, await accounts.saltOf(address, passwords.newSalt()));
  const owner = await stored.reset({ tokenHash, address, passwordHash }, actor);
  if (!owner) throw badCode();
  await refundAttempt(counted);
  mailer.send(passwordChangedMail(owner.email));
}

async function change(
  options: EmbeddedPasswordOptions,
  { userId, current, next }: Parameters<PasswordProvider['change']>[0],
  { actor, userAgent }: Visitor,
): ReturnType<PasswordProvider['change']> {
  const { accounts, stored, passwords, limits, mailer, now } = options;
  const held = await stored.passwordOf(userId);
  if (!held) throw new AppError('invalid_request', 'This account has no password: ask for a code to set one');
  const counted = limits.logIn(held.address, actor.address);
  await takeAttempt(counted);
  if ((await passwords.firstMatch(current, [held.hash])) !== 0) throw wrongPassword();
  await refundAttempt(counted);
  const newHash = await passwords.hash(next, await accounts.saltOf(held.address, passwords.newSalt()));
  const { refreshToken, session } = beginSession({ userAgent, address: actor.address }, now());
  const started = await stored.change({ userId, oldHash: held.hash, newHash, session }, actor);
  if (!started) throw unauthenticated();
  if (held.account.isConfirmed && held.account.email) mailer.send(passwordChangedMail(held.account.email));
  return await options.signedIn(started, refreshToken);
}

/** Not 401: the session is good, and must not be thrown away for a slip of the finger. */
export function wrongPassword(): AppError {
  return fieldError('current_password', 'is not the password of this account');
}

function badCode(): AppError {
  return new AppError('invalid_request', 'This code is not valid, or not any more');
}

function newCode(now: Date, lifetimeMs: number): { token: string; code: NewCode } {
  const token = randomBase62(32);
  return { token, code: { tokenHash: hashSecret(token), expiresAt: new Date(now.getTime() + lifetimeMs) } };
}
