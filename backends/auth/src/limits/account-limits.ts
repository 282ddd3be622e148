import { AppError } from '#shared/http/error.ts';
import {
  createAttemptCounter,
  networkOf,
  takeAttempt,
  type AttemptCounter,
  type AttemptLimit,
  type Counted,
  type Counting,
  type SharedAttempts,
} from './attempts.ts';

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
  mail: (account: string) => Promise<boolean>;
};

type LimitName = keyof typeof accountLimits;

/**
 * Limits of what anybody may try without a credential. Sessions are not among it: however many log-ins fail, whoever
 * is logged in stays so. Without `shared`, this process counts for itself.
 */
export function createAccountLimits(
  limits: Record<LimitName, AttemptLimit> = accountLimits,
  shared: SharedAttempts | null = null,
): AccountLimits {
  const counters = new Map<LimitName, AttemptCounter>();
  const counting = (label: LimitName, name: string | null): Counting => {
    const counter = counters.get(label) ?? createAttemptCounter(limits[label]);
    counters.set(label, counter);
    return [counter, name, label];
  };
  const both = (account: string, client: string | null): string => `${account} ${networkOf(client) ?? ''}`;
  return {
    logIn: (account, client) => ({
      counting: [
        counting('logInByBoth', both(account, client)),
        counting('logInByAccount', account),
        counting('logInByClient', networkOf(client)),
      ],
      shared,
    }),
    register: (account, client) => ({
      counting: [counting('registerByAccount', both(account, client)), counting('registerByClient', networkOf(client))],
      shared,
    }),
    resend: (account, client) => ({
      counting: [counting('resendByAccount', both(account, client)), counting('resendByClient', networkOf(client))],
      shared,
    }),
    mail: async (account) => {
      try {
        await takeAttempt({ counting: [counting('mailByAccount', account)], shared });
        return true;
      } catch (error) {
        if (error instanceof AppError && error.code === 'rate_limited') return false;
        throw error;
      }
    },
  };
}
