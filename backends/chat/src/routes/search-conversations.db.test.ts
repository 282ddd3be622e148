import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { startChatPeople, type ChatPeople, type Person } from '../../../../tests/support/chat-people.ts';
import { answered, opened, say } from '../../../../tests/support/chat-turns.ts';
import { silentLog } from '../../../../tests/support/silent-log.ts';
import { createTurns, type Turns } from '../conversations/turns.ts';
import { createTurnStore } from '../store/conversation-turns.ts';

let chat: ChatPeople;
let turns: Turns;
let me: Person;
beforeAll(async () => {
  chat = await startChatPeople();
  turns = createTurns({ store: createTurnStore(chat.connection.db), log: silentLog, maxTurnMs: 60_000 });
});
beforeEach(() => {
  me = chat.person();
});
afterAll(async () => {
  await turns.stop();
  await chat.close();
});

const FoundSchema = z.object({
  conversations: z.array(
    z.object({ id: z.string(), title: z.string(), snippet: z.string(), message_id: z.string().nullable() }),
  ),
  next: z.null(),
});

let turnsMade = 0;
async function talk(question: string, answer = 'ok'): Promise<string> {
  turnsMade += 1;
  const turn = opened(await turns.open(me.principal, say(question, `turn ${turnsMade}`)));
  await turns.complete(me.principal, turn, answered(answer));
  return turn.conversationId;
}

const search = async (q: string, more = ''): Promise<z.infer<typeof FoundSchema>['conversations']> => {
  const { status, body } = await me.call('GET', `/api/v1/conversations/search?q=${encodeURIComponent(q)}${more}`);
  expect(status).toBe(200);
  return FoundSchema.parse(body).conversations;
};
const ids = async (q: string, more = ''): Promise<string[]> => (await search(q, more)).map(({ id }) => id);

describe('the search', () => {
  it('finds words of messages and titles, the best first, each conversation once', async () => {
    const once = await talk('a volcano somewhere in a rather long text about travel and food', 'nothing to add');
    const often = await talk('volcano volcano', 'the volcano');
    const named = await talk('hello');
    await me.call('PATCH', `/api/v1/conversations/${named}`, { title: 'My Volcano' });
    await talk('mountains');
    expect(await ids('VOLCANO')).toEqual([named, often, once]);
    expect(await ids('volcano', '&limit=2')).toEqual([named, often]);
    const [title, message] = await search('volcano');
    expect(title).toMatchObject({ title: 'My Volcano', snippet: 'My Volcano', message_id: null });
    expect(message?.snippet).toContain('volcano');
    expect(message?.message_id).not.toBeNull();
    expect(await ids('volcano somewhere')).toEqual([once]);
    expect(await ids('"volcano somewhere"')).toEqual([once]);
    expect(await ids('"somewhere volcano"')).toEqual([]);
    expect(await ids('volcano -somewhere -my')).toEqual([often]);
    expect(await ids('mountains or somewhere')).toHaveLength(2);
  });

  it('gives the words around what it found, as they were written and with no markup of its own', async () => {
    await talk(`${'filler '.repeat(2_000)}<script>alert(1)</script> needle & thread ${'filler '.repeat(2_000)}`);
    const [found] = await search('needle');
    expect(found?.snippet).toContain('needle');
    expect(found?.snippet).not.toContain('<b>');
    expect(found?.snippet.length).toBeLessThanOrEqual(400);
  });

  it('finds nothing that was deleted', async () => {
    const id = await talk('regrettable');
    expect(await ids('regrettable')).toEqual([id]);
    await me.call('DELETE', '/api/v1/chat/history');
    expect(await ids('regrettable')).toEqual([]);
  });

  it('finds words of any language', async () => {
    const id = await talk('Где находится вулкан? 火山 はどこ');
    expect(await ids('вулкан')).toEqual([id]);
    expect(await ids('火山')).toEqual([id]);
  });

  it.each([
    `'; drop table chat_messages; --`,
    `' or '1'='1`,
    `a' & !b | c:*`,
    '((((',
    '"unclosed',
    '-',
    '- -',
    '!!!',
    '\\',
    '%',
    '_',
    '<->',
    ':*',
    '$1',
    '🦜',
    'x'.repeat(200),
    '" '.repeat(100),
    'or or or',
    '-a '.repeat(60),
    '\ud800',
  ])('answers whatever is typed, and does nothing else: %j', async (q) => {
    await talk('kept');
    const query = q === '\ud800' ? '%ED%A0%80' : encodeURIComponent(q);
    const { status, body } = await me.call('GET', `/api/v1/conversations/search?q=${query}`);
    expect(status).toBe(200);
    expect(FoundSchema.parse(body).conversations.length).toBeLessThanOrEqual(1);
    expect(await ids('kept')).toHaveLength(1);
  });

  it.each(['', '?q=', '?q=%20', `?q=${'x'.repeat(201)}`, '?q=a%00b', '?q=a%0Ab', '?q=a&limit=0', '?q=a&limit=101'])(
    'refuses %j',
    async (query) => {
      expect((await me.call('GET', `/api/v1/conversations/search${query}`)).status).toBe(422);
    },
  );
});

describe('the history', () => {
  it('is counted, and cleared at once: mine, with titles made of it, and not what I called a conversation', async () => {
    const other = chat.person();
    const theirs = opened(await turns.open(other.principal, say('theirs', 'theirs')));
    await turns.complete(other.principal, theirs, answered('ok'));
    const id = await talk('secret plans');
    await me.call('PATCH', `/api/v1/conversations/${await talk('named')}`, { title: 'Chosen' });
    for (const path of ['/api/v1/chat/status', '/api/v0.2/chat/status', '/api/v0.2/chat/stream/status']) {
      expect((await me.call('GET', path)).body).toEqual({
        status: 'active',
        message: 'You have 4 messages in 2 conversations',
        api_version: path.includes('v0.2') ? 'v0.2' : 'v1',
        conversations: 2,
        total_messages: 4,
        user_messages: 2,
        assistant_messages: 2,
      });
    }
    const cleared = await me.call('DELETE', '/api/v0.2/chat/stream/history');
    expect(cleared.body).toMatchObject({ status: 'success', api_version: 'v0.2', deleted_messages: 4 });
    expect((await me.call('GET', `/api/v1/conversations/${id}`)).body).toMatchObject({
      title: 'New Conversation',
      preview: null,
    });
    expect((await me.call('GET', '/api/v1/conversations')).text).toContain('Chosen');
    expect((await me.call('GET', '/api/v1/conversations')).text).not.toContain('secret');
    expect((await me.call('DELETE', '/api/v0.2/chat/history')).body).toMatchObject({ deleted_messages: 0 });
    expect((await other.call('GET', '/api/v1/chat/status')).body).toMatchObject({ total_messages: 2 });
  });

  it('of thousands of messages is cleared too', async () => {
    const id = await talk('first');
    await chat.rows(
      `insert into chat_messages (user_id, conversation_id, role, content, position)
       select $1, $2, 'user', 'm', n + 10 from generate_series(1, 12000) n`,
      [me.principal.userId, id],
    );
    expect((await me.call('DELETE', '/api/v1/chat/history')).body).toMatchObject({ deleted_messages: 12_002 });
  });

  it('stays cleared when an answer was under way', async () => {
    const turn = opened(await turns.open(me.principal, say('secret', 'under way')));
    await me.call('DELETE', '/api/v1/chat/history');
    await turns.complete(me.principal, turn, answered('about the secret'));
    expect((await me.call('GET', '/api/v1/chat/status')).body).toMatchObject({ total_messages: 0 });
  });
});
