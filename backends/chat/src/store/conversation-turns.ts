import { randomUUID } from 'node:crypto';
import { and, eq, ne, sql, type SQL } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { ensureUser } from '#shared/db/ensure-user.ts';
import { chatMessages, conversations } from '#shared/db/schema.ts';
import { AppError } from '#shared/http/error.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import { headingsOf } from '../conversations/conversation.ts';
import { standardLeaseSeconds } from '../conversations/held-leases.ts';
import type { Begun, TurnRequest, TurnStore } from '../conversations/turn-store.ts';
import { completeTurn } from './conversation-answers.ts';
import { withdrawTurn } from './conversation-withdrawal.ts';
import { turnHistory } from './conversation-history.ts';
import { messageColumns } from './message-columns.ts';
import { storable } from './message-text.ts';

export function createTurnStore(db: Database, leaseSeconds = standardLeaseSeconds): TurnStore {
  const expiry = sql`now() + make_interval(secs => ${leaseSeconds}::double precision)`;
  return {
    begin: async ({ userId }, request) =>
      await db.transaction(async (tx) => {
        const mine = { tx, userId, request, expiry };
        if (request.conversationId !== null) return await continueIn(mine, request.conversationId);
        return await beginNew(mine);
      }),
    history: async (principal, turn) => await turnHistory(db, principal, turn),
    complete: async (principal, turn, answer) =>
      await db.transaction(async (tx) => await completeTurn(tx, principal, { turn, answer })),
    withdraw: async (principal, turn) => await db.transaction(async (tx) => await withdrawTurn(tx, principal, turn)),
    renew: async (leases) => {
      const pairs = leases.map(({ conversationId, token }) => sql`(${conversationId}::uuid, ${token}::uuid)`);
      await db
        .update(conversations)
        .set({ turnExpiresAt: expiry })
        .where(sql`(${conversations.id}, ${conversations.turnLease}) in (${sql.join(pairs, sql`, `)})`);
    },
  };
}

type Mine = { tx: Database; userId: UserPrincipal['userId']; request: TurnRequest; expiry: SQL };

/** The same turn twice makes one conversation: the second waits here for the first, and then finds it. */
async function beginNew(mine: Mine): Promise<Begun> {
  const { tx, userId, request, expiry } = mine;
  await ensureUser(tx, userId);
  const token = randomUUID();
  const [made] = await tx
    .insert(conversations)
    .values({
      userId,
      ...headingsOf(request.userMessage.content),
      firstTurnId: request.turnId,
      lastPosition: 2,
      turnLease: token,
      turnExpiresAt: expiry,
    })
    .onConflictDoNothing()
    .returning({ id: conversations.id });
  if (!made) return await continueIn(mine, await idOfFirstTurn(mine));
  await insertQuestion(mine, made.id, 1);
  return { kind: 'open', conversationId: made.id, token, turnId: request.turnId, position: 1, isRetry: false };
}

async function idOfFirstTurn({ tx, userId, request }: Mine): Promise<string> {
  const [row] = await tx
    .select({ id: conversations.id })
    .from(conversations)
    .where(and(eq(conversations.userId, userId), eq(conversations.firstTurnId, request.turnId)));
  // Deleted in the moment between the two statements; the next attempt makes it anew.
  if (!row) throw new AppError('conflict', 'The conversation was being deleted; please try again');
  return row.id;
}

/** An answer that broke off stays until its turn, begun again, has another. */
async function continueIn(mine: Mine, id: string): Promise<Begun> {
  const conversation = await lock(mine, id);
  if (!conversation) return { kind: 'missing' };
  const before = await turnBefore(mine, id);
  if (before.answer?.status === 'completed') return { kind: 'answered', conversationId: id, answer: before.answer };
  if (conversation.isBusy) return { kind: 'busy' };
  if (conversation.lease !== null) await giveUpOthers(mine, id);
  const { question } = before;
  const position = question?.position ?? conversation.lastPosition + 1;
  const lastPosition = Math.max(conversation.lastPosition, position + 1);
  const token = await takeLease(mine, { ...conversation, id, lastPosition });
  if (question) await reopenQuestion(mine, question);
  else await insertQuestion(mine, id, position);
  const isRetry = question !== undefined;
  return { kind: 'open', conversationId: id, token, turnId: mine.request.turnId, position, isRetry };
}

type Locked = { lastPosition: number; isTitled: boolean; preview: string | null };

async function lock({ tx, userId }: Mine, id: string) {
  const [row] = await tx
    .select({
      lastPosition: conversations.lastPosition,
      isTitled: conversations.isTitled,
      preview: conversations.preview,
      lease: conversations.turnLease,
      isBusy: sql<boolean>`${conversations.turnLease} is not null and ${conversations.turnExpiresAt} > now()`,
    })
    .from(conversations)
    .where(and(eq(conversations.id, id), eq(conversations.userId, userId), eq(conversations.isActive, true)))
    .for('no key update');
  return row;
}

/** What an earlier attempt at the same turn has left. */
async function turnBefore({ tx, request }: Mine, id: string) {
  const rows = await tx
    .select({ ...messageColumns, position: chatMessages.position })
    .from(chatMessages)
    .where(and(eq(chatMessages.conversationId, id), eq(chatMessages.turnId, request.turnId)));
  return { question: rows.find(({ role }) => role === 'user'), answer: rows.find(({ role }) => role === 'assistant') };
}

/** Whoever held the lease has died, and will not answer. Should it live after all, its answer still has its place. */
async function giveUpOthers({ tx, request }: Mine, id: string): Promise<void> {
  await tx
    .update(chatMessages)
    .set({ status: 'unanswered' })
    .where(
      and(
        eq(chatMessages.conversationId, id),
        eq(chatMessages.status, 'pending'),
        ne(chatMessages.turnId, request.turnId),
      ),
    );
}

async function takeLease({ tx, request, expiry }: Mine, conversation: Locked & { id: string }): Promise<string> {
  const { id, lastPosition, isTitled, preview } = conversation;
  const { title, ...headings } = headingsOf(request.userMessage.content);
  const token = randomUUID();
  await tx
    .update(conversations)
    .set({
      lastPosition,
      turnLease: token,
      turnExpiresAt: expiry,
      updatedAt: sql`now()`,
      ...(preview === null && { ...headings, ...(!isTitled && { title }) }),
    })
    .where(eq(conversations.id, id));
  return token;
}

async function insertQuestion({ tx, userId, request }: Mine, conversationId: string, position: number): Promise<void> {
  const { content, parts } = request.userMessage;
  await tx.insert(chatMessages).values({
    userId,
    conversationId,
    role: 'user',
    content: storable(content),
    position,
    turnId: request.turnId,
    status: 'pending',
    parts: keptParts(parts),
  });
}

async function reopenQuestion({ tx, request }: Mine, question: { id: string; content: string }): Promise<void> {
  if (question.content !== storable(request.userMessage.content)) {
    throw new AppError('conflict', 'Another message was sent under the same request id');
  }
  await tx.update(chatMessages).set({ status: 'pending' }).where(eq(chatMessages.id, question.id));
}

const maxPartsCharacters = 256 * 1_024;

/** Pictures in the message itself are mostly larger than this; later turns then have its text only. */
function keptParts(parts: readonly unknown[] | undefined): readonly unknown[] | null {
  return parts && JSON.stringify(parts).length <= maxPartsCharacters ? parts : null;
}
