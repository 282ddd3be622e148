import type { AdminUserAnswer, ChangeUserBody, CreateUserBody } from '#shared/contracts/auth-admin.ts';
import { AppError, unauthenticated } from '#shared/http/error.ts';
import type { Actor, AuditAction, Page, PageOf } from '../audit/audit-log.ts';

/** A user as administrators see one. */
export type ManagedUser = {
  id: string;
  /** Null: mirrored from an identity provider that did not say. */
  email: string | null;
  name: string | null;
  role: 'user' | 'admin';
  disabledAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
};

export type UserChange = Partial<Pick<ManagedUser, 'name' | 'role' | 'disabledAt'>>;

export type UserTransaction = {
  /** Locks the user until the end. */
  find: (id: string) => Promise<ManagedUser | null>;
  /** The ids of those who can administer, locked until the end, so that two of them cannot remove each other. */
  admins: () => Promise<readonly string[]>;
  /** Null: the address is taken. */
  insert: (user: CreateUserBody) => Promise<ManagedUser | null>;
  change: (id: string, change: UserChange) => Promise<ManagedUser>;
  /** Ends the user's sessions, and makes the edge look up every key of the user's again. */
  revoke: (id: string) => Promise<void>;
  record: (action: AuditAction, id: string, states: { before?: object; after?: object }) => Promise<void>;
};

export type UserDirectory = {
  list: (page: Page) => Promise<PageOf<ManagedUser>>;
  find: (id: string) => Promise<ManagedUser | null>;
  changing: <T>(actor: Actor, work: (tx: UserTransaction) => Promise<T>) => Promise<T>;
};

export async function createUser(directory: UserDirectory, actor: Actor, user: CreateUserBody): Promise<ManagedUser> {
  return await directory.changing(actor, async (tx) => {
    requireAdmin(await tx.admins(), actor);
    const created = await tx.insert(user);
    if (!created) throw new AppError('conflict', 'A user with this address exists already');
    await tx.record('user.created', created.id, { after: describeUser(created) });
    return created;
  });
}

export async function changeUser(
  directory: UserDirectory,
  actor: Actor,
  id: string,
  request: ChangeUserBody,
): Promise<ManagedUser> {
  return await directory.changing(actor, async (tx) => {
    const admins = await tx.admins();
    requireAdmin(admins, actor);
    const before = await tx.find(id);
    if (!before) throw userNotFound();
    const { change, actions } = changeOf(request, before);
    if (actions.length === 0) return before;
    if (admins.length === 1 && admins[0] === id && (change.role === 'user' || change.disabledAt)) {
      throw new AppError('conflict', 'This is the last admin: make another one first');
    }
    const after = await tx.change(id, change);
    if (actions.some((action) => action !== 'user.changed')) await tx.revoke(id);
    const states = { before: describeUser(before), after: describeUser(after) };
    for (const action of actions) await tx.record(action, id, states);
    return after;
  });
}

export function userNotFound(): AppError {
  return new AppError('not_found', 'There is no such user');
}

export function describeUser(user: ManagedUser): AdminUserAnswer {
  const { id, email, name, role } = user;
  return {
    id,
    email,
    name,
    role,
    disabled_at: user.disabledAt?.toISOString() ?? null,
    created_at: user.createdAt.toISOString(),
    updated_at: user.updatedAt.toISOString(),
  };
}

/** The credential may say `admin` for seconds after the user lost that role. */
function requireAdmin(admins: readonly string[], actor: Actor): void {
  if (actor.userId === null || !admins.includes(actor.userId)) throw unauthenticated();
}

/** What really changes, and what that is called. */
function changeOf(request: ChangeUserBody, before: ManagedUser): { change: UserChange; actions: AuditAction[] } {
  const change: UserChange = {};
  const actions: AuditAction[] = [];
  const { name, role, disabled } = request;
  if (name !== undefined && name !== before.name) {
    change.name = name;
    actions.push('user.changed');
  }
  if (role !== undefined && role !== before.role) {
    change.role = role;
    actions.push('user.role_changed');
  }
  if (disabled !== undefined && disabled !== (before.disabledAt !== null)) {
    change.disabledAt = disabled ? new Date() : null;
    actions.push(disabled ? 'user.disabled' : 'user.enabled');
  }
  return { change, actions };
}
