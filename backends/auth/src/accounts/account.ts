import type { Actor } from '../audit/audit-log.ts';
import type { NewSession } from '../sessions/session.ts';

export type Account = {
  id: string;
  /** The address that is this account's, or, while nobody has confirmed it, the one it was registered with. */
  email: string | null;
  name: string | null;
  role: 'user' | 'admin';
  isConfirmed: boolean;
  disabledAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
};

/** The form in which an address is compared and counted. `email` has passed its schema, so it is ASCII. */
export function addressOf(email: string): string {
  return email.toLowerCase();
}

/** Who comes to register or log in: nobody we know yet. */
export type Visitor = { actor: Actor; userAgent: string | null };

export type NewAccount = { email: string; address: string; name: string | null; passwordHash: string };
export type NewConfirmation = { tokenHash: string; expiresAt: Date };

/** An account that can be logged in to with an address. */
export type Claimant = { account: Account; passwordHash: string };

/** A hash that a password fitted, and what to store in its place: the same password under today's cost, or null. */
export type ProvenPassword = { accountId: string; hash: string; renewed: string | null };

export type Started = { account: Account; sessionId: string };

export type AccountRepository = {
  /** The salt of an address: this one, where it has none yet. */
  saltOf: (address: string, fresh: Buffer) => Promise<Buffer>;
  /** Whether the address is that of an account with a password. */
  isTaken: (address: string) => Promise<boolean>;
  /** Account, password, confirmation and first session, or nothing of it. */
  create: (
    parts: { account: NewAccount; confirmation: NewConfirmation; session: NewSession },
    actor: Actor,
  ) => Promise<Started>;
  /** The account that owns the address first, then those that only claim it, the latest first; a handful at most. */
  claimants: (address: string) => Promise<Claimant[]>;
  /** Null: the account was disabled, or has another password, since this one was found to fit. */
  startSession: (proven: ProvenPassword, session: NewSession, actor: Actor) => Promise<Started | null>;
  /** Puts a new confirmation in the place of the last claimant's. Null: nobody claims the address. */
  renewConfirmation: (address: string, confirmation: NewConfirmation) => Promise<{ email: string } | null>;
  /** Gives the address to the account that the token was made for. False: no such token, not for this address, too late. */
  confirm: (tokenHash: string, address: string, actor: Actor) => Promise<boolean>;
  find: (userId: string) => Promise<Account | null>;
  rename: (userId: string, name: string | null, actor: Actor) => Promise<Account | null>;
};
