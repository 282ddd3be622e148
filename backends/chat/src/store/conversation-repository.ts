import { and, count, desc, eq, inArray, lt, sql, type SQL } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { ensureUser } from '#shared/db/ensure-user.ts';
import { chatMessages, conversations } from '#shared/db/schema.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { ConversationStore, MessageCounts, Page } from '../conversations/conversation-store.ts';
import type { Conversation, Message } from '../conversations/conversation.ts';
import { conversationColumns } from './conversation-columns.ts';
import { conversationSearch } from './conversation-search.ts';
import { messageColumns } from './message-columns.ts';

/** How many messages one statement deletes, to stay far below the time that a statement may take. */
const deletedAtOnce = 5_000;

export function createConversationStore(db: Database): ConversationStore {
  return {
    list: async (principal, page) => await list(db, principal, page),
    create: async ({ userId }, title) =>
      await db.transaction(async (tx) => {
        await ensureUser(tx, userId);
        const values = title === null ? { userId } : { userId, title, isTitled: true };
        const [row] = await tx.insert(conversations).values(values).returning(conversationColumns);
        if (!row) throw new Error('an insert gave no row');
        return row;
      }),
    find: async (principal, id) => {
      const [row] = await db.select(conversationColumns).from(conversations).where(own(principal, id));
      return row ?? null;
    },
    rename: async (principal, id, title) => {
      const [row] = await db
        .update(conversations)
        .set({ title, isTitled: true, updatedAt: sql`now()` })
        .where(own(principal, id))
        .returning(conversationColumns);
      return row ?? null;
    },
    remove: async (principal, id) => {
      const { rowCount } = await db.delete(conversations).where(own(principal, id));
      return rowCount === 1;
    },
    search: conversationSearch(db),
    messages: async (principal, id, page) => await listMessages(db, own(principal, id), { id, ...page }),
    counts: async (principal) => await counts(db, principal),
    clear: async (principal) => await clear(db, principal),
  };
}

function own({ userId }: UserPrincipal, id: string): SQL | undefined {
  return and(eq(conversations.id, id), eq(conversations.userId, userId), eq(conversations.isActive, true));
}

/** Microseconds, as Postgres counts them: JavaScript's milliseconds would put several conversations at one place. */
const micros = sql<string>`(extract(epoch from ${conversations.updatedAt}) * 1000000)::bigint::text`;

async function list(
  db: Database,
  { userId }: UserPrincipal,
  { limit, after }: { limit: number; after?: string | undefined },
): Promise<Page<Conversation>> {
  const [at, id] = after?.split('.') ?? [];
  const moment = sql`timestamptz 'epoch' + ${at}::double precision * interval '1 microsecond'`;
  const older =
    after === undefined ? undefined : sql`(${conversations.updatedAt}, ${conversations.id}) < (${moment}, ${id}::uuid)`;
  const rows = await db
    .select({ ...conversationColumns, micros })
    .from(conversations)
    .where(and(eq(conversations.userId, userId), eq(conversations.isActive, true), older))
    .orderBy(desc(conversations.updatedAt), desc(conversations.id))
    .limit(limit + 1);
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: last && rows.length > limit ? `${last.micros}.${last.id}` : null };
}

type MessagePage = { id: string; limit: number; after?: string | undefined };

async function listMessages(
  db: Database,
  ownConversation: SQL | undefined,
  { id, limit, after }: MessagePage,
): Promise<Page<Message> | null> {
  const [conversation] = await db.select({ id: conversations.id }).from(conversations).where(ownConversation);
  if (!conversation) return null;
  const mark = sql`(select position from chat_messages where id = ${after} and conversation_id = ${id})`;
  const rows = await db
    .select(messageColumns)
    .from(chatMessages)
    .where(and(eq(chatMessages.conversationId, id), after === undefined ? undefined : lt(chatMessages.position, mark)))
    .orderBy(desc(chatMessages.position))
    .limit(limit + 1);
  const items = rows.slice(0, limit);
  return { items, next: rows.length > limit ? (items.at(-1)?.id ?? null) : null };
}

async function counts(db: Database, { userId }: UserPrincipal): Promise<MessageCounts> {
  const ofRole = (role: string) => sql<number>`count(*) filter (where ${chatMessages.role} = ${role})`.mapWith(Number);
  const [[messages], [owned]] = await Promise.all([
    db
      .select({ total: count(), user: ofRole('user'), assistant: ofRole('assistant') })
      .from(chatMessages)
      .where(eq(chatMessages.userId, userId)),
    db
      .select({ conversations: count() })
      .from(conversations)
      .where(and(eq(conversations.userId, userId), eq(conversations.isActive, true))),
  ]);
  return { total: 0, user: 0, assistant: 0, ...messages, conversations: owned?.conversations ?? 0 };
}

async function clear(db: Database, { userId }: UserPrincipal): Promise<number> {
  let deleted = 0;
  for (;;) {
    const some = db
      .select({ id: chatMessages.id })
      .from(chatMessages)
      .where(eq(chatMessages.userId, userId))
      .limit(deletedAtOnce);
    const { rowCount } = await db
      .delete(chatMessages)
      .where(and(eq(chatMessages.userId, userId), inArray(chatMessages.id, some)));
    deleted += rowCount ?? 0;
    if ((rowCount ?? 0) < deletedAtOnce) break;
  }
  await untitle(db, userId);
  return deleted;
}

/** Titles and previews that were made from messages go with them. */
async function untitle(db: Database, userId: string): Promise<void> {
  const isEmpty = sql`not exists (select from chat_messages m where m.conversation_id = ${conversations.id})`;
  await db
    .update(conversations)
    .set({ preview: null, title: sql`case when ${conversations.isTitled} then ${conversations.title} end` })
    .where(and(eq(conversations.userId, userId), isEmpty));
}
