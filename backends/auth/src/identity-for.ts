import type { Database } from '#shared/db/connect.ts';
import type { Logger } from '#shared/log.ts';
import { confirmationRuleFor } from './accounts/session-scopes.ts';
import type { Config } from './config.ts';
import { createEmbeddedIdentity, type Identity } from './embedded-identity.ts';
import type { Mailer } from './mail/mailer.ts';
import { createSupabaseIdentity } from './supabase-identity.ts';
import type { SigningKey } from './tokens/signing-keys.ts';

export type IdentityParts = {
  db: Database;
  log: Logger;
  signingKeys: readonly SigningKey[];
  mailer: Mailer;
  onStop: (end: () => Promise<void>) => void;
};

/** Supabase where it is configured, otherwise we ourselves. */
export function identityFor(config: Config, { onStop, log, mailer, ...parts }: IdentityParts): Identity {
  const { SUPABASE_URL: url, SUPABASE_ANON_KEY: anonKey, SUPABASE_JWT_SECRET: jwtSecret = null } = config;
  if (url === undefined || anonKey === undefined) {
    const confirmUrl = config.EMAIL_CONFIRM_URL ?? null;
    const resetUrl = config.PASSWORD_RESET_URL ?? null;
    return createEmbeddedIdentity({
      ...parts,
      mailer,
      confirmation: confirmationRuleFor(config),
      confirmUrl,
      resetUrl,
    });
  }
  const { close, ...identity } = createSupabaseIdentity({ ...parts, log, url, anonKey, jwtSecret });
  onStop(close);
  return identity;
}
