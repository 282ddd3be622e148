import { and, eq, isNotNull } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { auditLog, budgets, users } from '#shared/db/schema.ts';
import type { BudgetActor, UserBudgets } from '../money/budget-state.ts';

type Limit = { period: 'day' | 'month' | 'total'; limitMicros: number | null };

/** Changes and their record in the audit log are committed together. */
export function createUserBudgets(db: Database): UserBudgets {
  return {
    set: async (actor, userId, { period, limitMicros }) =>
      await db.transaction(async (tx) => {
        const [user] = await tx.select({ id: users.id }).from(users).where(eq(users.id, userId)).for('no key update');
        if (!user) return false;
        const before = await find(tx, userId);
        const after = { period, limitMicros };
        await tx
          .insert(budgets)
          .values({ subjectKind: 'user', subjectId: userId, ...after })
          .onConflictDoUpdate({ target: [budgets.subjectKind, budgets.subjectId], set: after });
        await record(tx, actor, { userId, before, after });
        return true;
      }),
    remove: async (actor, userId) => {
      await db.transaction(async (tx) => {
        const before = await find(tx, userId);
        if (!before) return;
        await tx.update(budgets).set({ limitMicros: null }).where(ofUser(userId));
        await record(tx, actor, { userId, before, after: null });
      });
    },
  };
}

function ofUser(userId: string) {
  return and(eq(budgets.subjectKind, 'user'), eq(budgets.subjectId, userId), isNotNull(budgets.limitMicros));
}

async function find(tx: Database, userId: string): Promise<Limit | null> {
  const columns = { period: budgets.period, limitMicros: budgets.limitMicros };
  const [budget] = await tx.select(columns).from(budgets).where(ofUser(userId)).for('update');
  return budget ?? null;
}

type Change = { userId: string; before: Limit | null; after: Limit | null };

async function record(tx: Database, actor: BudgetActor, { userId, before, after }: Change): Promise<void> {
  await tx.insert(auditLog).values({
    userId,
    actorUserId: actor.userId,
    actorKeyId: actor.keyId,
    actorSessionId: actor.sessionId,
    action: 'user.budget_changed',
    subjectKind: 'user',
    subjectId: userId,
    before: shown(before),
    after: shown(after),
    requestId: actor.requestId,
    address: actor.address,
  });
}

function shown(limit: Limit | null): object | null {
  return limit && { window: limit.period, limit_usd: (limit.limitMicros ?? 0) / 1_000_000 };
}
