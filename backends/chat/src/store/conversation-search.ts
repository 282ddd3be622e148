import { inArray, sql } from 'drizzle-orm';
import type { Database } from '#shared/db/connect.ts';
import { conversations } from '#shared/db/schema.ts';
import type { ConversationStore } from '../conversations/conversation-store.ts';
import { conversationColumns } from './conversation-columns.ts';

const headline = 'StartSel="", StopSel="", MaxFragments=2, MinWords=5, MaxWords=20, FragmentDelimiter=" … "';

/**
 * websearch_to_tsquery takes any text: what a user types is never a syntax error. A title that somebody chose counts more
 * than any message; one that was made from a message has its words there.
 */
export function conversationSearch(db: Database): ConversationStore['search'] {
  return async ({ userId }, { q, limit }) => {
    const { rows } = await db.execute<{ id: string; message_id: string | null; snippet: string }>(sql`
      with query as (select websearch_to_tsquery('simple', ${q}) as words),
      hits as (
        select m.conversation_id as id, m.id as message_id, ts_rank(m.search, words) as rank
        from chat_messages m, query
        where m.user_id = ${userId} and m.conversation_id is not null and m.search @@ words
        union all
        select c.id, null, 1 + ts_rank(to_tsvector('simple', c.title), words)
        from conversations c, query
        where c.user_id = ${userId} and c.is_titled and to_tsvector('simple', c.title) @@ words
      ),
      best as (select distinct on (id) * from hits order by id, rank desc, message_id),
      page as (
        select best.id, best.message_id, best.rank, c.title, c.updated_at
        from best join conversations c on c.id = best.id and c.user_id = ${userId} and c.is_active
        order by best.rank desc, c.updated_at desc, c.id limit ${limit}
      )
      select page.id, page.message_id,
        case when m.id is null then page.title
          else left(ts_headline('simple', left(m.content, 50000), words, ${headline}), 400) end as snippet
      from page cross join query left join chat_messages m on m.id = page.message_id
      order by page.rank desc, page.updated_at desc, page.id`);
    if (rows.length === 0) return [];
    const ids = rows.map(({ id }) => id);
    const found = await db.select(conversationColumns).from(conversations).where(inArray(conversations.id, ids));
    const byId = new Map(found.map((conversation) => [conversation.id, conversation]));
    return rows.flatMap(({ id, message_id: messageId, snippet }) => {
      const conversation = byId.get(id);
      return conversation ? [{ ...conversation, messageId, snippet }] : [];
    });
  };
}
