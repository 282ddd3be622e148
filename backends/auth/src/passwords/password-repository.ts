import type { Account, Started } from '../accounts/account.ts';
import type { Actor } from '../audit/audit-log.ts';
import type { NewSession } from '../sessions/session.ts';

/** An account that an address means. */
export type AddressOwner = { userId: string; email: string };

export type NewCode = { tokenHash: string; expiresAt: Date };

export type PasswordRepository = {
  /** Null where nobody has the address, or somebody who is disabled. */
  ownerOf: (address: string) => Promise<AddressOwner | null>;
  /** Whether anybody registered the address and has not confirmed it yet. */
  isClaimed: (address: string) => Promise<boolean>;
  addCode: (owner: { userId: string; address: string }, code: NewCode) => Promise<void>;
  /** Whether the code could be used now, to save the price of a hash where it could not. */
  isGood: (tokenHash: string, address: string) => Promise<boolean>;
  /** Sets the password, confirms the address, and ends all sessions and codes of the account. Null: no good code. */
  reset: (
    reset: { tokenHash: string; address: string; passwordHash: string },
    actor: Actor,
  ) => Promise<AddressOwner | null>;
  /** What the account logs in with; null where it has no password. */
  passwordOf: (userId: string) => Promise<{ account: Account; address: string; hash: string } | null>;
  /** Sets the password, ends all sessions and codes, and begins this session. Null: the old hash is there no more. */
  change: (
    change: { userId: string; oldHash: string; newHash: string; session: NewSession },
    actor: Actor,
  ) => Promise<Started | null>;
};
