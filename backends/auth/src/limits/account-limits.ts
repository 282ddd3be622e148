import { createAttemptCounter, networkOf, type AttemptLimit, type Counted } from './attempts.ts';

const quarterHour = 900;
const hour = 3_600;

/** Counted for every address alike, whether an account has it or not. */
export const accountLimits = {
  /** Tight for one guesser at one account, wide for the account as a whole: a crowd of guessers must not shut it. */
  logInByBoth: { attempts: 20, windowSeconds: quarterHour },
  logInByAccount: { attempts: 200, windowSeconds: quarterHour },
  logInByClient: { attempts: 300, windowSeconds: quarterHour },
  registerByAccount: { attempts: 10, windowSeconds: hour },
  registerByClient: { attempts: 100, windowSeconds: hour },
  resendByAccount: { attempts: 5, windowSeconds: hour },
  resendByClient: { attempts: 50, windowSeconds: hour },
  /** Nobody's mailbox is flooded through us. */
  mailByAccount: { attempts: 5, windowSeconds: hour },
} as const satisfies Record<string, AttemptLimit>;

export type AccountLimits = Record<
  'logIn' | 'register' | 'resend',
  (account: string, client: string | null) => Counted
> & {
  mail: (account: string) => boolean;
};

type LimitName = keyof typeof accountLimits;

/**
 * Limits of what anybody may try without a credential. Sessions are not among it: however many log-ins fail, whoever
 * is logged in stays so.
 */
export function createAccountLimits(limits: Record<LimitName, AttemptLimit> = accountLimits): AccountLimits {
  const counter = (name: LimitName) => createAttemptCounter(limits[name]);
  const logIn = { both: counter('logInByBoth'), account: counter('logInByAccount'), client: counter('logInByClient') };
  const register = { account: counter('registerByAccount'), client: counter('registerByClient') };
  const resend = { account: counter('resendByAccount'), client: counter('resendByClient') };
  const mail = counter('mailByAccount');
  return {
    logIn: (account, client) => [
      [logIn.both, `${account} ${networkOf(client) ?? ''}`],
      [logIn.account, account],
      [logIn.client, networkOf(client)],
    ],
    register: (account, client) => [
      [register.account, `${account} ${networkOf(client) ?? ''}`],
      [register.client, networkOf(client)],
    ],
    resend: (account, client) => [
      [resend.account, `${account} ${networkOf(client) ?? ''}`],
      [resend.client, networkOf(client)],
    ],
    mail: (account) => mail.take(account) === null,
  };
}
