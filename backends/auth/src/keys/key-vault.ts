import type { NewApiKey, KeyEnvironment } from '#shared/identity/api-key.ts';
import type { Actor, AuditAction, Page, PageOf } from '../audit/audit-log.ts';
import type { KeyGrant } from './key-grant.ts';

/** A key as its owner sees it. Neither its secret nor its hash is in here. */
export type ManagedKey = KeyGrant & {
  id: string;
  userId: string;
  name: string | null;
  prefix: string | null;
  lastFour: string | null;
  environment: KeyEnvironment | null;
  isActive: boolean;
  lastUsedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
  rotatedAt: Date | null;
  previousExpiresAt: Date | null;
  createdByKeyId: string | null;
};

export type NewKey = KeyGrant & {
  name: string;
  environment: KeyEnvironment;
  secret: NewApiKey;
  createdByKeyId: string | null;
};

export type KeyChange = Partial<KeyGrant> & { name?: string };
export type KeyRotation = { secret: NewApiKey; environment: KeyEnvironment; at: Date; graceEndsAt: Date | null };

/** Changes of one user's keys, in one transaction. Each that the edge must learn of is announced in the same one. */
export type KeyTransaction = {
  /** Whether the user is an administrator now, whatever the credential said. */
  isAdmin: boolean;
  /** Seconds since 1970 by the clock that revocations are timed with, whatever ours says. */
  seconds: () => Promise<number>;
  /** Null: missing, revoked, or somebody else's. */
  find: (id: string) => Promise<ManagedKey | null>;
  /** How many of the user's keys were not revoked. */
  count: () => Promise<number>;
  insert: (key: NewKey) => Promise<ManagedKey>;
  change: (id: string, change: KeyChange) => Promise<ManagedKey>;
  rotate: (id: string, rotation: KeyRotation) => Promise<ManagedKey>;
  revoke: (id: string, at: Date) => Promise<void>;
  /** Whether the user had this key once. */
  wasRevoked: (id: string) => Promise<boolean>;
  record: (action: AuditAction, key: { id: string }, states: { before?: object; after?: object }) => Promise<void>;
};

export type KeyVault = {
  list: (userId: string, page: Page) => Promise<PageOf<ManagedKey>>;
  find: (userId: string, id: string) => Promise<ManagedKey | null>;
  /** All changes of one user's keys wait for each other. Rejects with 401 where the user is gone or disabled. */
  changing: <T>(actor: KeyActor, work: (tx: KeyTransaction) => Promise<T>) => Promise<T>;
};

/** `userId` is set: whoever changes keys is somebody. */
export type KeyActor = Actor & { userId: string };
