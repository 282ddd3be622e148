import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import * as z from 'zod';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import {
  answered,
  opened,
  principalOf,
  say,
  startTurnWorld,
  type TurnProcess,
  type TurnWorld,
} from '../../../../tests/support/chat-turns.ts';

let world: TurnWorld;
let one: TurnProcess;
let two: TurnProcess;
let me: UserPrincipal;
beforeAll(async () => {
  world = await startTurnWorld();
  one = world.start();
  two = world.start();
});
beforeEach(async () => {
  me = await world.addUser();
});
afterAll(async () => {
  await world.close();
});

async function begin(content: string, turnId: string, conversationId?: string, process = one) {
  return opened(await process.turns.open(me, say(content, turnId, conversationId)));
}

async function turn(content: string, turnId: string, conversationId?: string) {
  const begun = await begin(content, turnId, conversationId);
  await one.turns.complete(me, begun, answered(`re: ${content}`));
  return begun.conversationId;
}

describe('a turn', () => {
  it('stores the message before it is opened, and the answer before it is complete', async () => {
    const begun = await begin('  Hello\n  Mu, how are you?', 't1', 'new');
    expect(begun).toMatchObject({ position: 1, history: [] });
    expect(await world.messages(begun.conversationId)).toEqual([
      { role: 'user', content: '  Hello\n  Mu, how are you?', status: 'pending' },
    ]);
    const answer = await one.turns.complete(me, begun, answered('Fine!'));
    expect(answer).toMatchObject({
      role: 'assistant',
      content: 'Fine!',
      model: 'm-1',
      provider: 'acme',
      tokensUsed: 7,
    });
    expect(await world.messages(begun.conversationId)).toMatchObject([
      { status: 'completed' },
      { status: 'completed' },
    ]);
    expect(
      await world.rows('select title, preview, turn_lease, user_id from conversations where id = $1', [
        begun.conversationId,
      ]),
    ).toEqual([
      { title: 'Hello Mu, how are you?', preview: 'Hello Mu, how are you?', turn_lease: null, user_id: me.userId },
    ]);
  });

  it('is stored before its process stops, also where nobody waits for it', async () => {
    const process = world.start();
    const begun = await begin('last words?', 't1', 'new', process);
    void process.turns.complete(me, begun, answered('These.', 'cancelled'));
    await process.turns.stop();
    expect(await world.messages(begun.conversationId)).toMatchObject([{}, { content: 'These.', status: 'cancelled' }]);
  });

  it('gives what was said before, in its order, and not itself', async () => {
    const id = await turn('one', 't1');
    await turn('two', 't2', id);
    const { history } = await begin('three', 't3', id.toUpperCase());
    expect(history.map(({ content }) => content)).toEqual(['one', 're: one', 'two', 're: two']);
  });

  it('makes a row for a user whom nobody has seen here before', async () => {
    me = principalOf('aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa');
    const id = await turn('hi', 't1');
    expect(await world.messages(id)).toHaveLength(2);
  });

  it('is refused alike in a conversation that is missing, somebody else’s, or no id at all', async () => {
    const theirs = await turn('mine', 't1');
    const before = await world.messages(theirs);
    me = await world.addUser();
    for (const id of [theirs, '99999999-9999-4999-8999-999999999999', 'no-id', '']) {
      const refused = await begin('let me in', 't2', id).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'not_found', message: 'You have no such conversation' });
    }
    expect(await world.messages(theirs)).toEqual(before);
  });

  it('of another user is not completed by knowing it', async () => {
    const begun = await begin('mine', 't1');
    const other = await world.addUser();
    expect(await one.turns.complete(other, begun, answered('stolen'))).toBeNull();
    expect(await world.messages(begun.conversationId)).toHaveLength(1);
    await one.turns.complete(me, begun, answered('mine too'));
  });

  it('keeps what a provider may send and Postgres may not', async () => {
    const begun = await begin('hi', 't1');
    expect(await one.turns.complete(me, begun, answered('a\0b\ud800'))).toMatchObject({ content: 'ab\ufffd' });
  });

  it('keeps a structured message beside its text, and a picture that is too large not', async () => {
    const parts = (url: string) => [
      { type: 'text', text: 'look' },
      { type: 'image_url', image_url: { url } },
    ];
    const open = async (turnId: string, url: string, conversationId?: string) => {
      const begun = opened(
        await one.turns.open(me, { userMessage: { content: 'look', parts: parts(url) }, turnId, conversationId }),
      );
      await one.turns.complete(me, begun, answered('nice'));
      return begun.conversationId;
    };
    const id = await open('t1', 'https://example.org/a.png');
    await open('t2', `data:image/png;base64,${'A'.repeat(300_000)}`, id);
    const { history } = await begin('and now?', 't3', id);
    expect(history.map((message) => message.parts)).toEqual([parts('https://example.org/a.png'), null, null, null]);
  });
});

describe('a turn that goes wrong', () => {
  it.each(['broken', 'cancelled'] as const)('keeps what came of an answer that was %s, marked so', async (status) => {
    const begun = await begin('hi', 't1');
    await one.turns.complete(me, begun, answered('half of', status));
    expect(await world.messages(begun.conversationId)).toMatchObject([
      { role: 'user', status: 'completed' },
      { role: 'assistant', content: 'half of', status },
    ]);
  });

  it('leaves the message unanswered when nothing came, and out of what is said before the next', async () => {
    const begun = await begin('hi', 't1');
    expect(await one.turns.complete(me, begun, answered('', 'failed'))).toBeNull();
    expect(await world.messages(begun.conversationId)).toEqual([{ role: 'user', content: 'hi', status: 'unanswered' }]);
    expect((await begin('hi again', 't2', begun.conversationId)).history).toEqual([]);
  });

  it('stores nothing anew when its conversation or its message was deleted meanwhile', async () => {
    const cleared = await begin('secret', 't1');
    await world.rows('delete from chat_messages where conversation_id = $1', [cleared.conversationId]);
    expect(await one.turns.complete(me, cleared, answered('about the secret'))).toBeNull();
    const removed = await begin('secret', 't2');
    await world.rows('delete from conversations where id = $1', [removed.conversationId]);
    expect(await one.turns.complete(me, removed, answered('about the secret'))).toBeNull();
    expect(await world.rows('select 1 from chat_messages where user_id = $1', [me.userId])).toEqual([]);
    await turn('next', 't3', cleared.conversationId);
  });
});

describe('a turn that is withdrawn', () => {
  const conversations = async () =>
    await world.rows('select title, preview from conversations where user_id = $1', [me.userId]);

  it('takes its message and the conversation that it made away with it', async () => {
    const begun = await begin('hi', 't1');
    await one.turns.withdraw(me, begun);
    expect(await conversations()).toEqual([]);
    expect(await world.messages(begun.conversationId)).toEqual([]);
    expect((await begin('hi', 't1')).conversationId).not.toBe(begun.conversationId);
  });

  it('leaves what others said, and a conversation of before, as they were', async () => {
    const id = await turn('one', 't1');
    const [before, messages] = [await conversations(), await world.messages(id)];
    await one.turns.withdraw(me, await begin('two', 't2', id));
    expect([await conversations(), await world.messages(id)]).toEqual([before, messages]);
    expect((await begin('three', 't3', id)).history.map(({ content }) => content)).toEqual(['one', 're: one']);
  });

  it('leaves an empty conversation without the title that its message would have given', async () => {
    const [made] = await world.rows('insert into conversations (user_id) values ($1) returning id', [me.userId]);
    const { id } = z.object({ id: z.string() }).parse(made);
    await one.turns.withdraw(me, await begin('about this', 't1', id));
    expect(await conversations()).toEqual([{ title: null, preview: null }]);
    await turn('about that', 't2', id);
    expect(await conversations()).toEqual([{ title: 'about that', preview: 'about that' }]);
  });

  it('leaves the message of an earlier attempt, and what that had got', async () => {
    const failed = await begin('hi', 't1');
    await one.turns.complete(me, failed, answered('', 'failed'));
    await one.turns.withdraw(me, await begin('hi', 't1'));
    expect(await world.messages(failed.conversationId)).toEqual([
      { role: 'user', content: 'hi', status: 'unanswered' },
    ]);
    await one.turns.complete(me, await begin('hi', 't1'), answered('half of', 'broken'));
    const broken = [
      { role: 'user', content: 'hi', status: 'completed' },
      { role: 'assistant', content: 'half of', status: 'broken' },
    ];
    await one.turns.withdraw(me, await begin('hi', 't1'));
    expect(await world.messages(failed.conversationId)).toEqual(broken);
    await one.turns.complete(me, await begin('hi', 't1'), answered('', 'failed'));
    expect(await world.messages(failed.conversationId)).toEqual(broken);
  });

  it('of another user is not withdrawn by knowing it', async () => {
    const begun = await begin('mine', 't1');
    await one.turns.withdraw(await world.addUser(), begun);
    expect(await world.messages(begun.conversationId)).toHaveLength(1);
    await one.turns.complete(me, begun, answered('mine too'));
  });

  it('lets the next one begin at once', async () => {
    const id = await turn('one', 't1');
    const begun = await begin('two', 't2', id);
    const next = begin('three', 't3', id);
    await one.turns.withdraw(me, begun);
    expect((await next).history).toHaveLength(2);
  });
});

describe('the same turn again', () => {
  it('stores its message once and its answer once, also at once in two processes', async () => {
    const first = await begin('hi', 'same');
    const outcomes = await Promise.allSettled([
      two.turns.open(me, say('hi', 'same')),
      one.turns.open(me, say('hi', 'same')),
    ]);
    expect(outcomes).toMatchObject([{ reason: { code: 'conflict' } }, { reason: { code: 'conflict' } }]);
    const stored = await Promise.all([
      one.turns.complete(me, first, answered('yes')),
      two.turns.complete(me, first, answered('yes')),
    ]);
    expect(stored[0]).toEqual(stored[1]);
    const again = await two.turns.open(me, say('hi', 'same'));
    expect(again).toMatchObject({ kind: 'answered', conversationId: first.conversationId, answer: { content: 'yes' } });
    expect(await world.messages(first.conversationId)).toHaveLength(2);
    expect(await world.rows('select 1 from conversations where user_id = $1', [me.userId])).toHaveLength(1);
  });

  it('makes one conversation when it comes twenty times at once', async () => {
    const all = Array.from({ length: 20 }, (_, i) => (i % 2 ? one : two).turns.open(me, say('hi', 'burst')));
    const outcomes = await Promise.allSettled(all);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(await world.rows('select 1 from chat_messages where user_id = $1', [me.userId])).toHaveLength(1);
    expect(await world.rows('select 1 from conversations where user_id = $1', [me.userId])).toHaveLength(1);
  });

  it('waits for itself in an old conversation, and then gives the answer that was stored', async () => {
    const id = await turn('one', 't1');
    const begun = await begin('two', 't2', id);
    const twin = two.turns.open(me, say('two', 't2', id));
    await one.turns.complete(me, begun, answered('second'));
    expect(await twin).toMatchObject({ kind: 'answered', answer: { content: 'second' } });
    expect(await world.messages(id)).toHaveLength(4);
  });

  it('is a conflict when it says something else', async () => {
    const id = (await begin('hi', 't1')).conversationId;
    await world.expireLease(id);
    await expect(begin('something else', 't1', id)).rejects.toMatchObject({ code: 'conflict' });
    expect(await world.messages(id)).toHaveLength(1);
  });
});
