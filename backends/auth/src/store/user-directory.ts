import { and, asc, desc, eq, isNull, sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { revocations, users } from '#shared/db/schema.ts';
import type { Actor } from '../audit/audit-log.ts';
import type { ManagedUser, UserDirectory, UserTransaction } from '../users/manage-users.ts';
import { pageOf, recordAudit } from './audit-repository.ts';
import { revokeSessions } from './end-sessions.ts';

const columns = {
  id: users.id,
  email: users.email,
  name: users.name,
  role: users.role,
  disabledAt: users.disabledAt,
  createdAt: users.createdAt,
  updatedAt: users.updatedAt,
};

/** Users, for administrators. */
export function createUserDirectory(db: Database): UserDirectory {
  return {
    list: async ({ limit, after }) => {
      const older =
        after === undefined
          ? undefined
          : sql`(${users.createdAt}, ${users.id}) < (select created_at, id from users where id = ${after})`;
      const rows = await db
        .select(columns)
        .from(users)
        .where(older)
        .orderBy(desc(users.createdAt), desc(users.id))
        .limit(limit + 1);
      return pageOf(rows, limit);
    },
    find: async (id) => {
      const [user] = await db.select(columns).from(users).where(eq(users.id, id));
      return user ?? null;
    },
    changing: async (actor, work) => await db.transaction(async (tx) => await work(userTransaction(tx, actor))),
  };
}

function userTransaction(tx: Database, actor: Actor): UserTransaction {
  return {
    find: async (id) => {
      const [user] = await tx.select(columns).from(users).where(eq(users.id, id)).for('no key update');
      return user ?? null;
    },
    admins: async () => {
      const rows = await tx
        .select({ id: users.id })
        .from(users)
        .where(and(eq(users.role, 'admin'), isNull(users.disabledAt)))
        .orderBy(asc(users.id))
        .for('no key update');
      return rows.map(({ id }) => id);
    },
    insert: async (user) => {
      const [row] = await tx.insert(users).values(vouchedFor(user)).onConflictDoNothing().returning(columns);
      return row ?? null;
    },
    change: async (id, change) => {
      const [row] = await tx
        .update(users)
        .set({ ...change, updatedAt: sql`now()` })
        .where(eq(users.id, id))
        .returning(columns);
      return written(row);
    },
    revoke: async (id) => {
      // Without this a refresh token would bring back what the edge was told has ended.
      await revokeSessions(tx, id);
      await tx.insert(revocations).values({ kind: 'user', subjectId: id });
    },
    record: async (action, id, states) => {
      await recordAudit(tx, { actor, action, userId: id, subjectId: id, ...states });
    },
  };
}

/** The administrator vouches for the address. */
function vouchedFor(user: Parameters<UserTransaction['insert']>[0]): typeof users.$inferInsert {
  return { ...user, emailConfirmedAt: new Date() };
}

function written(row: ManagedUser | undefined): ManagedUser {
  if (!row) throw new Error('a user vanished while locked');
  return row;
}
