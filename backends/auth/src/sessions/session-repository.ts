import type { Actor } from '../audit/audit-log.ts';
import type { Account, Started } from '../accounts/account.ts';
import type { RefreshDecision, StoredSession } from './session.ts';

export type Refreshed = Started & { refreshToken: string };

export type SessionRepository = {
  /**
   * Locks the family, lets the caller decide and does what it decided, all in one transaction. Null where there is
   * nothing to give; on reuse the session is then revoked.
   */
  refresh: (
    familyHash: string,
    actor: Actor,
    decide: (session: StoredSession, account: Account) => RefreshDecision,
  ) => Promise<Refreshed | null>;
  /** Revokes it, once. Nothing happens for a session of somebody else. */
  end: (sessionId: string, userId: string, actor: Actor) => Promise<void>;
  /** Ends a token that a key was exchanged for, once: its session is its own. */
  endExchanged: (session: { sessionId: string; userId: string }, actor: Actor) => Promise<void>;
  /** Whether what a token says of its session, key and user still holds. */
  isLive: (claims: {
    userId: string;
    sessionId: string | null;
    keyId: string | null;
    issuedAt: Date;
  }) => Promise<boolean>;
};
