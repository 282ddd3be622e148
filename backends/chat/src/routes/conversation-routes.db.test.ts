import { getTableColumns } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { chatMessages, conversations } from '#shared/db/schema.ts';
import { startChatPeople, type ChatPeople, type Person } from '../../../../tests/support/chat-people.ts';
import { answered, opened, say } from '../../../../tests/support/chat-turns.ts';
import { createTurns, type Turns } from '../conversations/turns.ts';
import { createTurnStore } from '../store/conversation-turns.ts';
import { silentLog } from '../../../../tests/support/silent-log.ts';

let chat: ChatPeople;
let turns: Turns;
let me: Person;
let other: Person;
beforeAll(async () => {
  chat = await startChatPeople();
  turns = createTurns({ store: createTurnStore(chat.connection.db), log: silentLog, maxTurnMs: 60_000 });
});
beforeEach(() => {
  me = chat.person();
  other = chat.person();
});
afterAll(async () => {
  await turns.stop();
  await chat.close();
});

const path = '/api/v1/conversations';
const aMoment: unknown = expect.stringMatching(/^\d{4}-\d\d-\d\dT/);
const anId: unknown = expect.stringMatching(/^[0-9a-f-]{36}$/);
const nowhere = '99999999-9999-4999-8999-999999999999';
const ConversationSchema = z.object({ id: z.string(), title: z.string() });
const PageSchema = z.object({ conversations: z.array(ConversationSchema), next: z.string().nullable() });
const MessagesSchema = z.object({
  messages: z.array(z.object({ id: z.string(), content: z.string() })),
  next: z.string().nullable(),
});

let turnsMade = 0;
async function talk(who: Person, question: string, answer = 'Fine', conversationId?: string): Promise<string> {
  turnsMade += 1;
  const turn = opened(await turns.open(who.principal, say(question, `turn ${turnsMade}`, conversationId)));
  await turns.complete(who.principal, turn, answered(answer));
  return turn.conversationId;
}

async function made(who: Person, title?: string): Promise<string> {
  const { body, status } = await who.call('POST', path, title === undefined ? {} : { title });
  expect(status).toBe(201);
  return ConversationSchema.parse(body).id;
}

const list = async (who: Person, query = ''): Promise<z.infer<typeof PageSchema>> =>
  PageSchema.parse((await who.call('GET', `${path}${query}`)).body);
const titles = async (who: Person): Promise<string[]> => (await list(who)).conversations.map(({ title }) => title);

describe('conversations', () => {
  it('are made, read, renamed and deleted with their messages, in exactly the shape that is documented', async () => {
    const id = await made(me);
    const { body } = await me.call('GET', `${path}/${id}`);
    expect(body).toEqual({
      id,
      title: 'New Conversation',
      preview: null,
      created_at: aMoment,
      updated_at: aMoment,
    });
    expect((await me.call('PATCH', `${path}/${id}`, { title: '  Trip ' })).body).toMatchObject({ id, title: 'Trip' });
    await talk(me, 'Where to?', 'Home', id);
    expect((await me.call('GET', `${path}/${id.toUpperCase()}`)).body).toMatchObject({
      title: 'Trip',
      preview: 'Where to?',
    });
    expect((await me.call('DELETE', `${path}/${id}`)).status).toBe(204);
    expect((await me.call('GET', `${path}/${id}`)).status).toBe(404);
    expect((await me.call('DELETE', `${path}/${id}`)).status).toBe(404);
    expect(await chat.rows('select 1 from chat_messages where conversation_id = $1', [id])).toEqual([]);
  });

  it('get their title from the first message, unless somebody chose one', async () => {
    const id = await made(me);
    await talk(me, 'long '.repeat(40), 'ok', id);
    expect(await titles(me)).toEqual([`${'long '.repeat(12).slice(0, 59)}…`]);
    await talk(me, 'second', 'ok', id);
    expect(await titles(me)).toEqual([`${'long '.repeat(12).slice(0, 59)}…`]);
    await talk(me, 'first', 'ok', await made(me, 'Chosen'));
    expect(await titles(me)).toContain('Chosen');
  });

  it('are listed with the last used first, page by page, also at the older path', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.push(await talk(me, `message ${i}`));
    await talk(me, 'again', 'ok', ids[1]);
    const order = [1, 4, 3, 2, 0].map((i) => ids[i]);
    const seen: string[] = [];
    let next: string | null = '';
    while (next !== null) {
      const page: z.infer<typeof PageSchema> = await list(me, `?limit=2${next && `&after=${next}`}`);
      seen.push(...page.conversations.map(({ id }) => id));
      next = page.next;
    }
    expect(seen).toEqual(order);
    const older = await me.call('GET', '/api/v0.3/conversations?limit=100');
    expect(PageSchema.parse(older.body)).toMatchObject({ conversations: order.map((id) => ({ id })), next: null });
  });

  it('stay in their places on later pages when others are added or used in between', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) ids.push(await made(me, `c${i}`));
    const first = await list(me, '?limit=2');
    await made(me, 'new');
    await talk(me, 'moves the last one of the page', 'ok', ids[4]);
    const second = await list(me, `?limit=2&after=${first.next}`);
    const third = await list(me, `?limit=2&after=${second.next}`);
    expect([...second.conversations, ...third.conversations].map(({ id }) => id)).toEqual([
      ids[3],
      ids[2],
      ids[1],
      ids[0],
    ]);
    expect(third.next).toBeNull();
  });

  it('that were used at the same moment are all listed, once', async () => {
    for (let i = 0; i < 5; i++) await made(me, `c${i}`);
    await chat.rows('update conversations set updated_at = $1 where user_id = $2', [
      '2026-01-02 03:04:05.678901+00',
      me.principal.userId,
    ]);
    const first = await list(me, '?limit=3');
    const second = await list(me, `?limit=3&after=${first.next}`);
    const seen = [...first.conversations, ...second.conversations].map(({ id }) => id);
    expect(new Set(seen).size).toBe(5);
    expect(seen).toHaveLength(5);
  });
});

describe('the messages of a conversation', () => {
  it('come newest first, page by page, and new ones change nothing on the pages after', async () => {
    const id = await talk(me, 'one', 'two');
    await talk(me, 'three', 'four', id);
    const page = async (query: string) =>
      MessagesSchema.parse((await me.call('GET', `${path}/${id}/messages${query}`)).body);
    const first = await page('?limit=3');
    expect(first.messages.map(({ content }) => content)).toEqual(['four', 'three', 'two']);
    await talk(me, 'five', 'six', id);
    expect(await page(`?limit=3&after=${first.next}`)).toMatchObject({ messages: [{ content: 'one' }], next: null });
    expect((await me.call('GET', `${path}/${id}/messages?limit=1`)).body).toMatchObject({
      messages: [
        {
          id: anId,
          role: 'assistant',
          content: 'six',
          model: 'm-1',
          provider: 'acme',
          tokens_used: 7,
          status: 'completed',
          created_at: aMoment,
        },
      ],
    });
  });

  it('say that they are unanswered when the process that should answer has died', async () => {
    const turn = opened(await turns.open(me.principal, say('hello?', 'dies')));
    const status = async () => (await me.call('GET', `${path}/${turn.conversationId}/messages`)).body;
    expect(await status()).toMatchObject({ messages: [{ status: 'pending' }] });
    await chat.rows(`update conversations set turn_expires_at = now() where id = $1`, [turn.conversationId]);
    expect(await status()).toMatchObject({ messages: [{ status: 'unanswered' }] });
  });

  it('cannot be paged by a message of another conversation', async () => {
    const id = await talk(me, 'one', 'two');
    const elsewhere = await talk(other, 'theirs');
    const [theirs] = MessagesSchema.parse((await other.call('GET', `${path}/${elsewhere}/messages`)).body).messages;
    const { body } = await me.call('GET', `${path}/${id}/messages?after=${theirs?.id}`);
    expect(body).toEqual({ messages: [], next: null });
  });
});

describe('somebody else’s conversation', () => {
  it('is answered like one that does not exist, on every route, and stays as it was', async () => {
    const theirs = await talk(other, 'private words', 'private answer');
    const before = await chat.rows('select * from conversations where id = $1', [theirs]);
    const calls = [
      ['GET', ''],
      ['PATCH', '', { title: 'mine now' }],
      ['DELETE', ''],
      ['GET', '/messages'],
    ] as const;
    for (const [method, rest, body] of calls) {
      const refused = await me.call(method, `${path}/${theirs}${rest}`, body);
      const missing = await me.call(method, `${path}/${nowhere}${rest}`, body);
      expect(refused.status).toBe(404);
      expect(refused.text).toBe(missing.text.replaceAll(nowhere, theirs));
      expect((await me.call(method, `${path}/not-an-id${rest}`, body)).status).toBe(404);
    }
    expect(await list(me)).toEqual({ conversations: [], next: null });
    expect((await me.call('GET', `${path}/search?q=private`)).body).toEqual({ conversations: [], next: null });
    expect((await me.call('GET', '/api/v1/chat/status')).body).toMatchObject({ conversations: 0, total_messages: 0 });
    expect((await me.call('DELETE', '/api/v1/chat/history')).body).toMatchObject({ deleted_messages: 0 });
    expect(await chat.rows('select * from conversations where id = $1', [theirs])).toEqual(before);
    expect(MessagesSchema.parse((await other.call('GET', `${path}/${theirs}/messages`)).body).messages).toHaveLength(2);
  });

  it('is no place to page from', async () => {
    const mine = await talk(me, 'mine');
    await talk(other, 'theirs');
    const { next } = await list(other, '?limit=1');
    expect(next).toBeNull();
    const all = await list(me, `?after=9999999999999999.${nowhere}`);
    expect(all.conversations.map(({ id }) => id)).toEqual([mine]);
  });
});

describe('a request that may not be', () => {
  const columns = [conversations, chatMessages].flatMap((table) =>
    Object.entries<{ name: string }>(getTableColumns(table)).flatMap(([property, { name }]) => [property, name]),
  );

  it.each([...new Set(columns), 'owner', 'constructor'].filter((name) => name !== 'title'))(
    'is refused: it sets %s',
    async (name) => {
      const id = await made(me, 'kept');
      for (const value of ['x', true, null, other.principal.userId]) {
        expect((await me.call('POST', path, { title: 't', [name]: value })).status).toBe(422);
        expect((await me.call('PATCH', `${path}/${id}`, { title: 't', [name]: value })).status).toBe(422);
      }
      expect(await titles(me)).toEqual(['kept']);
    },
  );

  it.each([
    { title: '' },
    { title: ' ' },
    { title: 'x'.repeat(256) },
    { title: 'a\nb' },
    { title: null },
    { title: 7 },
    [],
  ])('is refused: %j', async (body) => {
    expect((await me.call('POST', path, body)).status).toBe(422);
    expect(await titles(me)).toEqual([]);
  });

  it.each([
    'limit=0',
    'limit=101',
    'limit=x',
    'after=x',
    `after=${nowhere}`,
    `after=1.${'0'.repeat(36)}z`,
    'after=%00',
  ])('is refused: ?%s', async (query) => {
    expect((await me.call('GET', `${path}?${query}`)).status).toBe(422);
  });

  it.each([`after=1.${'-'.repeat(36)}`, `after=0.${nowhere}`, `after=9999999999999999.${nowhere}`])(
    'is no failure of ours: ?%s',
    async (query) => {
      expect([200, 400, 422]).toContain((await me.call('GET', `${path}?${query}`)).status);
    },
  );

  it('needs chat:write to change and chat:read to read', async () => {
    const reader = chat.person('chat:read');
    const writer = chat.person('chat:write');
    const id = await made(writer);
    for (const [method, rest] of [
      ['GET', ''],
      ['GET', `/${id}`],
      ['GET', `/${id}/messages`],
      ['GET', '/search?q=a'],
    ]) {
      expect((await writer.call(method ?? '', `${path}${rest}`)).status).toBe(403);
    }
    expect((await writer.call('GET', '/api/v1/chat/status')).status).toBe(403);
    expect((await reader.call('POST', path, {})).status).toBe(403);
    expect((await reader.call('PATCH', `${path}/${id}`, { title: 't' })).status).toBe(403);
    expect((await reader.call('DELETE', `${path}/${id}`)).status).toBe(403);
    expect((await reader.call('DELETE', '/api/v1/chat/history')).status).toBe(403);
    expect((await chat.person('assets:read').call('GET', path)).status).toBe(403);
  });
});
