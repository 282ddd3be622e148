import type { Actor } from '../audit/audit-log.ts';
import type { Account, Visitor } from './account.ts';

/** What somebody who is logged in holds. */
export type SignedIn = {
  account: Account;
  session: { accessToken: string; refreshToken: string; expiresInSeconds: number };
};

export type Login = { email: string; password: string };

/** Passwords of people who cannot log in, and of those who want another one. */
export type PasswordProvider = {
  /** Answers alike, and after the same time, whether or not anybody has this address. */
  forgot: (email: string, visitor: Visitor) => Promise<void>;
  /** Sets a password with a code out of a mail, and ends all sessions. Works once. */
  reset: (reset: Login & { token: string }, visitor: Visitor) => Promise<void>;
  /** Ends all sessions, and gives a new one. */
  change: (change: { userId: string; current: string; next: string }, visitor: Visitor) => Promise<SignedIn>;
  /** Gives somebody for whom an administrator made an account a way in. */
  invite: (user: { id: string; email: string }) => Promise<void>;
};

/** Who knows people: our own accounts, or a service that keeps them for us. */
export type IdentityProvider = {
  passwords: PasswordProvider;
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
