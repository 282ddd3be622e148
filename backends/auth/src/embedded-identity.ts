import type { MiddlewareHandler } from 'hono';
import type { Database } from '#shared/db/connect.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { AccountRepository } from './accounts/account.ts';
import { createEmbeddedProvider } from './accounts/embedded-provider.ts';
import type { IdentityProvider } from './accounts/identity-provider.ts';
import type { ConfirmationRule } from './accounts/session-scopes.ts';
import { accountLimits, createAccountLimits, type AccountLimits } from './limits/account-limits.ts';
import type { Mailer } from './mail/mailer.ts';
import { createPasswordHasher, type PasswordHasher } from './passwords/password-hasher.ts';
import type { SessionRepository } from './sessions/session-repository.ts';
import { createAccountRepository } from './store/account-repository.ts';
import { createSharedAttempts } from './store/shared-attempts.ts';
import { createSessionRepository } from './store/session-repository.ts';
import { createPasswordRepository } from './store/password-repository.ts';
import { createKeyRepository } from './store/key-repository.ts';
import { createAccessTokens } from './tokens/access-tokens.ts';
import type { SigningKey } from './tokens/signing-keys.ts';
import type { CredentialSources } from './tokens/validate-credential.ts';

/** What the routes of accounts and sessions take. */
export type Identity = {
  provider: IdentityProvider;
  accounts: AccountRepository;
  credentials: CredentialSources;
  /** Tokens that keys were exchanged for are ours, whoever keeps the accounts. */
  exchanged: Pick<SessionRepository, 'endExchanged'>;
  /** What has to happen before any route sees a user whom somebody else let in. */
  firstSight?: MiddlewareHandler<ServiceEnv>;
};

export type EmbeddedIdentityOptions = {
  db: Database;
  signingKeys: readonly SigningKey[];
  mailer: Mailer;
  confirmation: ConfirmationRule;
  confirmUrl: string | null;
  resetUrl: string | null;
  passwords?: PasswordHasher;
  limits?: AccountLimits;
  now?: () => Date;
};

/** The identity provider that we are ourselves, put together once for `main.ts` and for tests. */
export function createEmbeddedIdentity({ db, signingKeys, ...options }: EmbeddedIdentityOptions): Identity {
  const accounts = createAccountRepository(db);
  const sessions = createSessionRepository(db);
  const tokens = createAccessTokens(signingKeys);
  const provider = createEmbeddedProvider({
    ...options,
    accounts,
    sessions,
    tokens,
    passwords: options.passwords ?? createPasswordHasher(),
    storedPasswords: createPasswordRepository(db),
    limits: options.limits ?? createAccountLimits(accountLimits, createSharedAttempts(db)),
  });
  return { provider, accounts, exchanged: sessions, credentials: { keys: createKeyRepository(db), tokens, sessions } };
}
