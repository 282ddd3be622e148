import { randomBase62 } from '#shared/id.ts';
import { AppError, unauthenticated } from '#shared/http/error.ts';
import { refundAttempt, takeAttempt } from '../limits/attempts.ts';
import type { AccountLimits } from '../limits/account-limits.ts';
import { addressTakenMail, confirmationMail } from '../mail/account-mails.ts';
import type { Mailer } from '../mail/mailer.ts';
import type { PasswordHasher } from '../passwords/password-hasher.ts';
import type { PasswordRepository } from '../passwords/password-repository.ts';
import { hashSecret } from '../sessions/refresh-token.ts';
import { beginSession, decideRefresh, familyHashOf, sessionRules } from '../sessions/session.ts';
import type { SessionRepository } from '../sessions/session-repository.ts';
import type { AccessTokens } from '../tokens/access-tokens.ts';
import { addressOf, type AccountRepository, type NewConfirmation, type Started, type Visitor } from './account.ts';
import { createEmbeddedPasswords } from './embedded-passwords.ts';
import type { IdentityProvider, Login, SignedIn } from './identity-provider.ts';
import { noSoonerThan } from './public-answers.ts';
import { sessionScopes, type ConfirmationRule } from './session-scopes.ts';

export type EmbeddedProviderOptions = {
  accounts: AccountRepository;
  sessions: SessionRepository;
  passwords: PasswordHasher;
  tokens: AccessTokens;
  mailer: Mailer;
  limits: AccountLimits;
  confirmation: ConfirmationRule;
  /** The page of the web front that confirms; null: the mail has the code only. */
  confirmUrl: string | null;
  /** The page that sets a password; null: the mail has the code only. */
  resetUrl: string | null;
  storedPasswords: PasswordRepository;
  now?: () => Date;
};

const confirmationMs = 24 * 3_600_000;
/** Longer than what happens for an address that somebody waits for. */
const resendMs = 150;

/** Our own accounts. Why no answer tells whether an address is known: docs/decisions/0020. */
export function createEmbeddedProvider(options: EmbeddedProviderOptions): IdentityProvider {
  return {
    passwords: createEmbeddedPasswords({
      ...options,
      stored: options.storedPasswords,
      signedIn: (started, refreshToken) => signedIn(options, started, refreshToken),
      now: () => nowOf(options),
    }),
    register: (registration, visitor) => register(options, registration, visitor),
    logIn: (login, visitor) => logIn(options, login, visitor),
    refresh: (refreshToken, visitor) => refresh(options, refreshToken, visitor),
    logOut: async ({ sessionId, userId }, actor) => await options.sessions.end(sessionId, userId, actor),
    confirm: (confirmation, visitor) => confirm(options, confirmation, visitor),
    resendVerification: async (email, visitor) => {
      await noSoonerThan(resendMs, resend(options, email, visitor));
    },
  };
}

/** Makes an account that claims the address, whoever has it. Only the mailbox learns whether somebody does. */
async function register(
  options: EmbeddedProviderOptions,
  { email, password, name }: Parameters<IdentityProvider['register']>[0],
  visitor: Visitor,
): Promise<SignedIn> {
  const { accounts, passwords, tokens, mailer, limits } = options;
  tokens.requireKey();
  const address = addressOf(email);
  await takeAttempt(limits.register(address, visitor.actor.address));
  const salt = await accounts.saltOf(address, passwords.newSalt());
  const account = { email, address, name, passwordHash: await passwords.hash(password, salt) };
  const { token, confirmation } = newConfirmation(nowOf(options));
  const { refreshToken, session } = begin(options, visitor);
  const isTaken = await accounts.isTaken(address);
  const started = await accounts.create({ account, confirmation, session }, visitor.actor);
  if (await limits.mail(address)) {
    mailer.send(isTaken ? addressTakenMail(email) : confirmationMail(email, token, options.confirmUrl));
  }
  return await signedIn(options, started, refreshToken);
}

async function logIn(
  options: EmbeddedProviderOptions,
  { email, password }: Login,
  visitor: Visitor,
): Promise<SignedIn> {
  const { accounts, passwords, tokens, limits } = options;
  tokens.requireKey();
  const address = addressOf(email);
  const counted = limits.logIn(address, visitor.actor.address);
  await takeAttempt(counted);
  const claimants = await accounts.claimants(address);
  const match = await passwords.firstMatch(
    password,
    claimants.map(({ passwordHash }) => passwordHash),
  );
  const claimant = claimants[match];
  if (!claimant || claimant.account.disabledAt) throw unauthenticated();
  const { account, passwordHash: hash } = claimant;
  const renewed = await passwords.renewed(password, hash);
  const { refreshToken, session } = begin(options, visitor);
  const started = await accounts.startSession({ accountId: account.id, hash, renewed }, session, visitor.actor);
  if (!started) throw unauthenticated();
  await refundAttempt(counted);
  return await signedIn(options, started, refreshToken);
}

async function refresh(options: EmbeddedProviderOptions, shown: string, { actor }: Visitor): Promise<SignedIn> {
  options.tokens.requireKey();
  const familyHash = familyHashOf(shown);
  if (familyHash === null) throw unauthenticated();
  const refreshed = await options.sessions.refresh(familyHash, actor, (session, account) =>
    account.disabledAt ? { kind: 'refuse' } : decideRefresh(session, shown, nowOf(options)),
  );
  if (!refreshed) throw unauthenticated();
  return await signedIn(options, refreshed, refreshed.refreshToken);
}

async function confirm(
  options: EmbeddedProviderOptions,
  { token, email }: { token: string; email: string },
  { actor }: Visitor,
): Promise<void> {
  const confirmed = await options.accounts.confirm(hashSecret(token), addressOf(email), actor);
  if (!confirmed) throw new AppError('invalid_request', 'This code is not valid, or not any more');
}

async function resend(options: EmbeddedProviderOptions, email: string, { actor }: Visitor): Promise<void> {
  const { accounts, mailer, limits, confirmUrl } = options;
  const address = addressOf(email);
  await takeAttempt(limits.resend(address, actor.address));
  const isTaken = await accounts.isTaken(address);
  const { token, confirmation } = newConfirmation(nowOf(options));
  const waiting = await accounts.renewConfirmation(address, confirmation);
  if (!waiting || !(await limits.mail(address))) return;
  mailer.send(isTaken ? addressTakenMail(waiting.email) : confirmationMail(waiting.email, token, confirmUrl));
}

function newConfirmation(now: Date): { token: string; confirmation: NewConfirmation } {
  const token = randomBase62(32);
  const expiresAt = new Date(now.getTime() + confirmationMs);
  return { token, confirmation: { tokenHash: hashSecret(token), expiresAt } };
}

function begin(options: EmbeddedProviderOptions, { actor, userAgent }: Visitor): ReturnType<typeof beginSession> {
  return beginSession({ userAgent, address: actor.address }, nowOf(options));
}

async function signedIn(
  { tokens, confirmation }: EmbeddedProviderOptions,
  { account, sessionId }: Started,
  refreshToken: string,
): Promise<SignedIn> {
  const accessToken = await tokens.issue({
    userId: account.id,
    sessionId,
    scopes: sessionScopes(account, confirmation),
    lifetimeSeconds: sessionRules.accessTokenSeconds,
  });
  return { account, session: { accessToken, refreshToken, expiresInSeconds: sessionRules.accessTokenSeconds } };
}

function nowOf({ now }: EmbeddedProviderOptions): Date {
  return now?.() ?? new Date();
}
