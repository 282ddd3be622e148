import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#shared/http/error.ts';
import type { Logger } from '#shared/log.ts';
import { addressOf, type AccountRepository, type Visitor } from '../accounts/account.ts';
import { wrongPassword } from '../accounts/embedded-passwords.ts';
import type { PasswordProvider, SignedIn } from '../accounts/identity-provider.ts';
import { fieldError, noSoonerThan } from '../accounts/public-answers.ts';
import { refundAttempt, takeAttempt } from '../limits/attempts.ts';
import type { AccountLimits } from '../limits/account-limits.ts';
import type { GotrueSession } from './gotrue-answers.ts';
import type { Gotrue } from './gotrue.ts';
import type { Mirror } from './mirror.ts';
import { done, errorOf, requireTaken } from './refused.ts';

export type SupabasePasswordOptions = {
  gotrue: Gotrue;
  accounts: Pick<AccountRepository, 'find'>;
  mirror: Pick<Mirror, 'endSessions'>;
  limits: AccountLimits;
  log: Logger;
  floorMs: number;
  /** Takes a session of Supabase over, or refuses and ends it. */
  mirrored: (session: GotrueSession) => Promise<SignedIn>;
};

/** Passwords at Supabase. Sessions are ended here first, since the edge believes us within seconds and Supabase never. */
export function createSupabasePasswords(options: SupabasePasswordOptions): PasswordProvider {
  const { gotrue, limits, log, floorMs } = options;
  return {
    forgot: async (email, { actor }) => {
      await takeAttempt(limits.resend(addressOf(email), actor.address));
      const outcome = await noSoonerThan(floorMs, gotrue.recover(email));
      requireTaken(log, outcome, ['mail_limit', 'bad_credentials']);
    },
    reset: (request, visitor) => reset(options, request, visitor),
    change: (request, visitor) => change(options, request, visitor),
    // An account made here has an id of its own, which nobody at Supabase will ever have: decisions/0022.
    invite: async () => undefined,
  };
}

async function reset(
  options: SupabasePasswordOptions,
  { token, email, password }: Parameters<PasswordProvider['reset']>[0],
  visitor: Visitor,
): Promise<void> {
  const { gotrue, limits, mirrored } = options;
  // Codes have six digits: guessing is counted with the log-ins.
  const counted = limits.logIn(addressOf(email), visitor.actor.address);
  await takeAttempt(counted);
  const verified = await gotrue.verify({ type: 'recovery', token, email });
  if (verified.kind === 'bad_credentials') throw errorOf.bad_code();
  const session = done(verified);
  await refundAttempt(counted);
  const { account } = await mirrored(session);
  await setPassword(options, session.access_token, { field: 'password', password });
  await endAll(options, account.id, visitor, 'user.password_reset');
  await endAtSupabase(options, session.access_token, 'global');
}

async function change(
  options: SupabasePasswordOptions,
  { userId, current, next }: Parameters<PasswordProvider['change']>[0],
  visitor: Visitor,
): Promise<SignedIn> {
  const { gotrue, accounts, limits, mirrored } = options;
  const email = (await accounts.find(userId))?.email ?? null;
  if (email === null) throw new AppError('invalid_request', 'This account has no address to log in with');
  const counted = limits.logIn(addressOf(email), visitor.actor.address);
  await takeAttempt(counted);
  const fresh = await gotrue.signIn({ email, password: current });
  if (fresh.kind === 'bad_credentials') throw wrongPassword();
  const session = done(fresh);
  await refundAttempt(counted);
  await mirrored(session);
  await setPassword(options, session.access_token, { field: 'new_password', password: next });
  await endAll(options, userId, visitor, 'user.password_changed');
  await endAtSupabase(options, session.access_token, 'others');
  return await mirrored(done(await gotrue.refresh(session.refresh_token)));
}

/** The session was only there for this, so it does not outlive a refusal. */
async function setPassword(
  options: SupabasePasswordOptions,
  bearer: string,
  { field, password }: { field: string; password: string },
): Promise<void> {
  const { kind } = await options.gotrue.setPassword(bearer, password);
  if (kind === 'done') return;
  await endAtSupabase(options, bearer, 'local');
  const refusal = errorOf[kind]();
  if (kind !== 'weak_password' && kind !== 'same_password') throw refusal;
  throw fieldError(field, refusal.message.replace(/^password: /, ''));
}

/** Tokens up to the second of a revocation are refused, so whoever logs in next must do so in a later one. */
async function endAll(
  { mirror }: SupabasePasswordOptions,
  userId: string,
  { actor }: Visitor,
  action: 'user.password_changed' | 'user.password_reset',
): Promise<void> {
  const at = await mirror.endSessions(userId, actor, action);
  await sleep(Math.min(Math.max((at + 1) * 1_000 - Date.now(), 0) + 10, 2_000));
}

async function endAtSupabase(
  { gotrue, log }: SupabasePasswordOptions,
  bearer: string,
  scope: Parameters<Gotrue['logOut']>[1],
): Promise<void> {
  try {
    await gotrue.logOut(bearer, scope);
  } catch (error) {
    log.warn('sessions go on at Supabase, although they have ended here', { error });
  }
}
