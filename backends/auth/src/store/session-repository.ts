import { and, eq, gte, isNull, sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { apiKeys, credentials, revocations, sessions, users } from '#shared/db/schema.ts';
import type { Account } from '../accounts/account.ts';
import type { Actor } from '../audit/audit-log.ts';
import type { RefreshDecision, StoredSession } from '../sessions/session.ts';
import type { Refreshed, SessionRepository } from '../sessions/session-repository.ts';
import { accountColumns } from './account-columns.ts';
import { recordAudit } from './audit-repository.ts';
import { endForeignSession, hasEnded } from './foreign-sessions.ts';

export function createSessionRepository(db: Database): SessionRepository {
  return {
    refresh: async (familyHash, actor, decide) =>
      await db.transaction(async (tx) => {
        const found = await lockFamily(tx, familyHash);
        if (!found) return null;
        return await carryOut(tx, { ...found, actor, decision: decide(found.session, found.account) });
      }),
    end: async (sessionId, userId, actor) => {
      await db.transaction(async (tx) => {
        if (await revoke(tx, sessionId, userId))
          await recordEnd(tx, { sessionId, userId, actor, action: 'session.ended' });
      });
    },
    endExchanged: async (session, actor) => await endForeignSession(db, session, actor),
    isLive: (claims) => isLive(db, claims),
  };
}

type Found = { session: StoredSession; account: Account };

/** Waits for whoever holds the family: of many tabs at once, each sees what the one before it did. */
async function lockFamily(tx: Database, familyHash: string): Promise<Found | null> {
  const [row] = await tx
    .select({ session: sessions, account: accountColumns })
    .from(sessions)
    .innerJoin(users, eq(users.id, sessions.userId))
    .leftJoin(credentials, eq(credentials.userId, users.id))
    .where(eq(sessions.familyHash, familyHash))
    .for('update', { of: sessions });
  return row ?? null;
}

type CarryOut = Found & { actor: Actor; decision: RefreshDecision };

async function carryOut(tx: Database, { session, account, actor, decision }: CarryOut): Promise<Refreshed | null> {
  const { id: sessionId } = session;
  switch (decision.kind) {
    case 'rotate':
      await tx.update(sessions).set(decision.rotation).where(eq(sessions.id, sessionId));
      return { account, sessionId, refreshToken: decision.refreshToken };
    case 'repeat':
      return { account, sessionId, refreshToken: decision.refreshToken };
    case 'reuse':
      await revoke(tx, sessionId, account.id);
      await recordEnd(tx, { sessionId, userId: account.id, actor, action: 'session.reused' });
      return null;
    case 'refuse':
      return null;
    default:
      return decision satisfies never;
  }
}

/** In one transaction with the feed, so that the edge learns of every session that ended. False: it had ended before. */
async function revoke(tx: Database, sessionId: string, userId: string): Promise<boolean> {
  const { rowCount } = await tx
    .update(sessions)
    .set({ revokedAt: new Date() })
    .where(and(eq(sessions.id, sessionId), eq(sessions.userId, userId), isNull(sessions.revokedAt)));
  if (rowCount !== 1) return false;
  await tx.insert(revocations).values({ kind: 'session', subjectId: sessionId });
  return true;
}

type End = { sessionId: string; userId: string; actor: Actor; action: 'session.ended' | 'session.reused' };

async function recordEnd(tx: Database, { sessionId, userId, actor, action }: End): Promise<void> {
  await recordAudit(tx, { actor, action, userId, subjectId: sessionId });
}

async function isLive(db: Database, claims: Parameters<SessionRepository['isLive']>[0]): Promise<boolean> {
  const { userId, sessionId, keyId, issuedAt } = claims;
  const [row] = await db
    .select({ disabledAt: users.disabledAt, isRevoked: isRevoked(db, claims) })
    .from(users)
    .where(eq(users.id, userId));
  if (!row || row.disabledAt || row.isRevoked) return false;
  // A token of a key ends with the key; the session it names is its own and in no table.
  if (keyId !== null) return (await isUsable(db, keyId, issuedAt)) && !(sessionId && (await hasEnded(db, sessionId)));
  return sessionId === null || (await isOpen(db, sessionId));
}

function isRevoked(db: Database, { userId, issuedAt }: { userId: string; issuedAt: Date }) {
  const since = and(
    eq(revocations.subjectId, userId),
    eq(revocations.kind, 'user'),
    gte(revocations.createdAt, issuedAt),
  );
  return sql<boolean>`exists (${db
    .select({ one: sql`1` })
    .from(revocations)
    .where(since)})`;
}

async function isOpen(db: Database, sessionId: string): Promise<boolean> {
  const rows = await db
    .select({ id: sessions.id })
    .from(sessions)
    .where(and(eq(sessions.id, sessionId), isNull(sessions.revokedAt)));
  return rows.length === 1;
}

/** A key that was changed after the token was made has taken the token with it, as at the edge. */
async function isUsable(db: Database, keyId: string, issuedAt: Date): Promise<boolean> {
  const changed = and(
    eq(revocations.subjectId, keyId),
    eq(revocations.kind, 'key'),
    gte(revocations.createdAt, issuedAt),
  );
  const rows = await db
    .select({ id: apiKeys.id })
    .from(apiKeys)
    .where(
      and(
        eq(apiKeys.id, keyId),
        eq(apiKeys.isActive, true),
        isNull(apiKeys.revokedAt),
        sql`(${apiKeys.expiresAt} IS NULL OR ${apiKeys.expiresAt} > now())`,
        sql`not exists (${db
          .select({ one: sql`1` })
          .from(revocations)
          .where(changed)})`,
      ),
    );
  return rows.length === 1;
}
