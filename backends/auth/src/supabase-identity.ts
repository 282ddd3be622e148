import type { Database } from '#shared/db/connect.ts';
import type { Logger } from '#shared/log.ts';
import type { Identity } from './embedded-identity.ts';
import { accountLimits, createAccountLimits, type AccountLimits } from './limits/account-limits.ts';
import { createAccountRepository } from './store/account-repository.ts';
import { createKeyRepository } from './store/key-repository.ts';
import { createMirror } from './store/mirror-repository.ts';
import { createSharedAttempts } from './store/shared-attempts.ts';
import { createSessionRepository } from './store/session-repository.ts';
import { createGotrue } from './supabase/gotrue.ts';
import { firstSight, type Mirror } from './supabase/mirror.ts';
import { createSupabaseProvider } from './supabase/supabase-provider.ts';
import { createSupabaseTokens, type SupabaseTokens } from './supabase/supabase-tokens.ts';
import { createAccessTokens, type TokenSubject } from './tokens/access-tokens.ts';
import type { SigningKey } from './tokens/signing-keys.ts';

export type SupabaseIdentityOptions = {
  db: Database;
  log: Logger;
  url: string;
  anonKey: string;
  /** For projects that sign with one. With it, logging out ends the session at Supabase as well. */
  jwtSecret: string | null;
  /** Tokens made from keys stay our own. */
  signingKeys: readonly SigningKey[];
  limits?: AccountLimits;
  timeoutMs?: number;
  floorMs?: number;
};

export type SupabaseIdentity = Identity & { close: () => Promise<void> };

/** Supabase as the identity provider, put together once for `main.ts` and for tests. */
export function createSupabaseIdentity(options: SupabaseIdentityOptions): SupabaseIdentity {
  const { db, log, url, signingKeys, jwtSecret, timeoutMs, floorMs } = options;
  const mirror = createMirror(db);
  const gotrue = createGotrue({ ...options, ...(timeoutMs !== undefined && { timeoutMs }) });
  const theirs = createSupabaseTokens({ url, jwtSecret, ...(timeoutMs !== undefined && { timeoutMs }) });
  const own = createAccessTokens(signingKeys);
  const accounts = createAccountRepository(db);
  const sessions = createSessionRepository(db);
  const limits = options.limits ?? createAccountLimits(accountLimits, createSharedAttempts(db));
  return {
    provider: createSupabaseProvider({
      gotrue,
      mirror,
      accounts,
      tokens: theirs,
      limits,
      log,
      ...(floorMs !== undefined && { floorMs }),
    }),
    accounts,
    exchanged: sessions,
    credentials: {
      keys: createKeyRepository(db),
      tokens: { read: async (token) => (await own.read(token)) ?? (await liveSubject(theirs, mirror, token)) },
      sessions,
    },
    firstSight: firstSight(mirror),
    close: gotrue.close,
  };
}

/** Its sessions are not in our table, so whether one has ended is asked here and only the user is left to look at. */
async function liveSubject(theirs: SupabaseTokens, mirror: Mirror, token: string): Promise<TokenSubject | null> {
  const subject = await theirs.read(token);
  if (!subject) return null;
  const { userId, sessionId } = subject;
  if (sessionId !== null && (await mirror.hasEnded(sessionId))) return null;
  await mirror.ensure(userId);
  return { ...subject, sessionId: null };
}
