import type { Actor } from '../audit/audit-log.ts';
import type { Account, Visitor } from './account.ts';

/** What somebody who is logged in holds. */
export type SignedIn = {
  account: Account;
  session: { accessToken: string; refreshToken: string; expiresInSeconds: number };
};

export type Login = { email: string; password: string };

/** Who knows people: our own accounts, or a service that keeps them for us. */
export type IdentityProvider = {
  /** Answers alike whether the address was free or is somebody's. Null: nobody is logged in by registering. */
  register: (registration: Login & { name: string | null }, visitor: Visitor) => Promise<SignedIn | null>;
  /** Fails with `unauthenticated`, whatever was wrong. */
  logIn: (login: Login, visitor: Visitor) => Promise<SignedIn>;
  /** Exchanges a refresh token. Fails with `unauthenticated`; a spent token ends its session as well. */
  refresh: (refreshToken: string, visitor: Visitor) => Promise<SignedIn>;
  /** What was ended already stays so. */
  logOut: (session: { sessionId: string; userId: string }, actor: Actor) => Promise<void>;
  confirm: (confirmation: { token: string; email: string }, visitor: Visitor) => Promise<void>;
  /** Answers alike, and after the same time, whether or not anybody waits for this address. */
  resendVerification: (email: string, visitor: Visitor) => Promise<void>;
};
