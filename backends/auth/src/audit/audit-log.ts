import type { UserPrincipal } from '#shared/identity/principal.ts';

/** Everything that is recorded. The words before the dot say what kind of thing it happened to. */
export const auditActions = [
  'key.created',
  'key.changed',
  'key.rotated',
  'key.revoked',
  'key.exchanged',
  'session.started',
  'session.reused',
  'session.ended',
  'user.registered',
  'user.created',
  'user.confirmed',
  'user.changed',
  'user.disabled',
  'user.enabled',
  'user.role_changed',
  'user.password_changed',
  'user.password_reset',
] as const;
export type AuditAction = (typeof auditActions)[number];

/** Who did something, by what request. All null: the system itself. */
export type Actor = {
  userId: string | null;
  keyId: string | null;
  sessionId: string | null;
  requestId: string | null;
  address: string | null;
};

/** One line to record. `before` and `after` are for people to read: never a hash, a secret or a password. */
export type AuditEntry = {
  actor: Actor;
  action: AuditAction;
  /** Whose record this is: the owner of the subject. */
  userId: string | null;
  subjectId: string | null;
  before?: object;
  after?: object;
};

/** One line as it is stored. */
export type AuditRecord = {
  id: string;
  at: Date;
  action: string;
  userId: string | null;
  subject: { kind: string; id: string | null };
  actor: { userId: string | null; keyId: string | null; sessionId: string | null };
  before: unknown;
  after: unknown;
  requestId: string | null;
  address: string | null;
};

export type Page = { limit: number; after?: string | undefined };
export type PageOf<T> = { items: T[]; next: string | null };

export type AuditReader = {
  /** Newest first. `ownerId` null: everybody's. */
  list: (ownerId: string | null, page: Page) => Promise<PageOf<AuditRecord>>;
};

/** Admins see everything. Others see their own, without the address and request of somebody else's act. */
export async function readAudit(reader: AuditReader, viewer: UserPrincipal, page: Page): Promise<PageOf<AuditRecord>> {
  if (viewer.scopes.includes('admin')) return await reader.list(null, page);
  const { items, next } = await reader.list(viewer.userId, page);
  return { items: items.map((record) => (record.actor.userId === viewer.userId ? record : discreet(record))), next };
}

function discreet(record: AuditRecord): AuditRecord {
  return { ...record, actor: { userId: null, keyId: null, sessionId: null }, requestId: null, address: null };
}
