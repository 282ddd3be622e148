import { unauthenticated } from '#shared/http/error.ts';
import type { Logger } from '#shared/log.ts';
import { addressOf, type AccountRepository } from '../accounts/account.ts';
import type { IdentityProvider, SignedIn } from '../accounts/identity-provider.ts';
import { noSoonerThan } from '../accounts/public-answers.ts';
import { refundAttempt, takeAttempt } from '../limits/attempts.ts';
import type { AccountLimits } from '../limits/account-limits.ts';
import type { GotrueSession, GotrueUser } from './gotrue-answers.ts';
import type { Gotrue } from './gotrue.ts';
import type { Mirror, MirroredUser } from './mirror.ts';
import { done, errorOf, requireTaken } from './refused.ts';
import { createSupabasePasswords } from './supabase-passwords.ts';
import { sessionIdIn, type SupabaseTokens } from './supabase-tokens.ts';

export type SupabaseProviderOptions = {
  gotrue: Gotrue;
  mirror: Mirror;
  tokens: Pick<SupabaseTokens, 'forEnding'>;
  accounts: Pick<AccountRepository, 'find'>;
  limits: AccountLimits;
  log: Logger;
  /** Registering and asking for a mail take at least this long, since Supabase is faster where it sends none. */
  floorMs?: number;
};

const defaultFloorMs = 1_000;

/** Supabase keeps the people; we keep what they own. What it says about accounts is told to nobody: decisions/0022. */
export function createSupabaseProvider(options: SupabaseProviderOptions): IdentityProvider {
  const { gotrue, mirror, limits, log, floorMs = defaultFloorMs } = options;
  return {
    passwords: createSupabasePasswords({
      ...options,
      floorMs,
      mirrored: async (session) => (await mirrored(options, session)).signedIn,
    }),
    register: async (registration, { actor }) => {
      await takeAttempt(limits.register(addressOf(registration.email), actor.address));
      const outcome = await noSoonerThan(floorMs, gotrue.signUp(registration));
      requireTaken(log, outcome, ['address_taken', 'mail_limit']);
      return null;
    },
    logIn: async (login, { actor }) => {
      const counted = limits.logIn(addressOf(login.email), actor.address);
      await takeAttempt(counted);
      const session = done(await gotrue.signIn(login));
      await refundAttempt(counted);
      const { signedIn, sessionId } = await mirrored(options, session);
      await mirror.recordStart({ sessionId, userId: signedIn.account.id }, actor);
      return signedIn;
    },
    refresh: async (refreshToken) => (await mirrored(options, done(await gotrue.refresh(refreshToken)))).signedIn,
    logOut: async (session, actor) => {
      await mirror.endSession(session, actor);
      const token = await options.tokens.forEnding(session);
      if (token !== null) await endAtSupabase(options, token);
    },
    confirm: async ({ token, email }, { actor }) => {
      // Codes have six digits, and a right one logs in at Supabase: guessing is counted with the log-ins.
      const counted = limits.logIn(addressOf(email), actor.address);
      await takeAttempt(counted);
      const outcome = await gotrue.verify({ type: 'signup', token, email });
      if (outcome.kind === 'bad_credentials') throw errorOf.bad_code();
      const { user } = done(outcome);
      await refundAttempt(counted);
      await mirror.update(mirroredFrom(user));
    },
    resendVerification: async (email, { actor }) => {
      await takeAttempt(limits.resend(addressOf(email), actor.address));
      const outcome = await noSoonerThan(floorMs, gotrue.resend(email));
      requireTaken(log, outcome, ['address_taken', 'mail_limit', 'bad_credentials']);
    },
  };
}

type MirroredSession = { signedIn: SignedIn; sessionId: string | null };

/** Our own word goes first: a session that was ended here, or a user who is disabled here, is also ended there. */
async function mirrored(options: SupabaseProviderOptions, session: GotrueSession): Promise<MirroredSession> {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresInSeconds, user } = session;
  const sessionId = sessionIdIn(accessToken);
  const account = await options.mirror.update(mirroredFrom(user));
  if (account.disabledAt || (sessionId !== null && (await options.mirror.hasEnded(sessionId)))) {
    await endAtSupabase(options, accessToken);
    throw unauthenticated();
  }
  const email = account.email ?? user.email ?? null;
  return {
    signedIn: { account: { ...account, email }, session: { accessToken, refreshToken, expiresInSeconds } },
    sessionId,
  };
}

/** The edge has been told already, so what goes wrong here costs nobody anything before the next refresh. */
async function endAtSupabase({ gotrue, log }: SupabaseProviderOptions, accessToken: string): Promise<void> {
  try {
    await gotrue.logOut(accessToken, 'local');
  } catch (error) {
    log.warn('a session goes on at Supabase, although it has ended here', { error });
  }
}

function mirroredFrom({ id, email, email_confirmed_at: confirmedAt, user_metadata: about }: GotrueUser): MirroredUser {
  return { id, name: about?.name ?? null, confirmedEmail: confirmedAt ? (email ?? null) : null };
}
