import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import {
  answered,
  opened,
  principalOf,
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

const say = (content: string, turnId: string, conversationId?: string) => ({
  userMessage: { content },
  turnId,
  conversationId,
});

async function begin(content: string, turnId: string, conversationId?: string, process = one) {
  return opened(await process.turns.open(me, say(content, turnId, conversationId)));
}

async function turn(content: string, turnId: string, conversationId?: string) {
  const begun = await begin(content, turnId, conversationId);
  await one.turns.complete(me, begun, answered(`re: ${content}`));
  return begun.conversationId;
}

const MessagesSchema = z.array(z.object({ role: z.string(), content: z.string(), status: z.string() }));
const messages = async (conversationId: string): Promise<z.infer<typeof MessagesSchema>> =>
  MessagesSchema.parse(
    await world.rows('select role, content, status from chat_messages where conversation_id = $1 order by position', [
      conversationId,
    ]),
  );

/** What the process that held the lease would have seen to, had it not died 31 seconds ago. */
const expireLease = async (conversationId: string): Promise<unknown> =>
  await world.rows(`update conversations set turn_expires_at = now() - interval '1 second' where id = $1`, [
    conversationId,
  ]);

describe('a turn', () => {
  it('stores the message before it is opened, and the answer before it is complete', async () => {
    const begun = await begin('  Hello\n  Mu, how are you?', 't1', 'new');
    expect(begun).toMatchObject({ position: 1, history: [] });
    expect(await messages(begun.conversationId)).toEqual([
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
    expect(await messages(begun.conversationId)).toMatchObject([{ status: 'completed' }, { status: 'completed' }]);
    expect(
      await world.rows('select title, preview, turn_lease, user_id from conversations where id = $1', [
        begun.conversationId,
      ]),
    ).toEqual([
      { title: 'Hello Mu, how are you?', preview: 'Hello Mu, how are you?', turn_lease: null, user_id: me.userId },
    ]);
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
    expect(await messages(id)).toHaveLength(2);
  });

  it('is refused alike in a conversation that is missing, somebody else’s, or no id at all', async () => {
    const theirs = await turn('mine', 't1');
    const before = await messages(theirs);
    me = await world.addUser();
    for (const id of [theirs, '99999999-9999-4999-8999-999999999999', 'no-id', '']) {
      const refused = await begin('let me in', 't2', id).catch((error: unknown) => error);
      expect(refused).toMatchObject({ code: 'not_found', message: 'You have no such conversation' });
    }
    expect(await messages(theirs)).toEqual(before);
  });

  it('of another user is not completed by knowing it', async () => {
    const begun = await begin('mine', 't1');
    const other = await world.addUser();
    expect(await one.turns.complete(other, begun, answered('stolen'))).toBeNull();
    expect(await messages(begun.conversationId)).toHaveLength(1);
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
    expect(await messages(begun.conversationId)).toMatchObject([
      { role: 'user', status: 'completed' },
      { role: 'assistant', content: 'half of', status },
    ]);
  });

  it('leaves the message unanswered when nothing came, and out of what is said before the next', async () => {
    const begun = await begin('hi', 't1');
    expect(await one.turns.complete(me, begun, answered('', 'failed'))).toBeNull();
    expect(await messages(begun.conversationId)).toEqual([{ role: 'user', content: 'hi', status: 'unanswered' }]);
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
    expect(await messages(first.conversationId)).toHaveLength(2);
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
    expect(await messages(id)).toHaveLength(4);
  });

  it('is a conflict when it says something else', async () => {
    const id = (await begin('hi', 't1')).conversationId;
    await expireLease(id);
    await expect(begin('something else', 't1', id)).rejects.toMatchObject({ code: 'conflict' });
    expect(await messages(id)).toHaveLength(1);
  });
});

describe('twenty messages of one conversation at once, sent to two processes', () => {
  it('are answered one after the other: none lost, none twice, every answer behind its message', async () => {
    const id = await turn('first', 'first');
    let inProgress = 0;
    const histories: number[] = [];
    const sends = Array.from({ length: 20 }, async (_, i) => {
      const { turns } = i % 2 === 0 ? one : two;
      const begun = opened(await turns.open(me, say(`q${i}`, `q${i}`, id)));
      inProgress += 1;
      expect(inProgress).toBe(1);
      histories.push(begun.history.length);
      // As long as some other message needs to be noticed and refused.
      await world.rows('select 1');
      inProgress -= 1;
      await turns.complete(me, begun, answered(`a of q${i}`));
    });
    await Promise.all(sends);
    const stored = (await messages(id)).slice(2);
    const questions = stored.filter((_, i) => i % 2 === 0).map(({ content }) => content);
    expect(new Set(questions)).toEqual(new Set(Array.from({ length: 20 }, (_, i) => `q${i}`)));
    expect(stored).toEqual(
      questions.flatMap((content) => [
        { role: 'user', content, status: 'completed' },
        { role: 'assistant', content: `a of ${content}`, status: 'completed' },
      ]),
    );
    expect(histories).toEqual(Array.from({ length: 20 }, (_, i) => 2 * (i + 1)));
  });
});

describe('a conversation in which somebody is being answered', () => {
  it('makes the next message wait, stores nothing of it when that takes too long, and says when to come back', async () => {
    const impatient = world.start({ waitMs: 300 });
    const begun = await begin('one', 't1');
    const late = impatient.turns.open(me, say('two', 't2', begun.conversationId));
    await expect(late).rejects.toMatchObject({ code: 'conflict', options: { retryAfterSeconds: 5 } });
    expect(await messages(begun.conversationId)).toHaveLength(1);
    await one.turns.complete(me, begun, answered('done'));
    const next = await begin('two', 't2', begun.conversationId, impatient);
    await impatient.turns.complete(me, next, answered('done'));
  });

  it('lets a client go that leaves while it waits, and whoever stands behind it moves up', async () => {
    const begun = await begin('one', 't1');
    const gone = new AbortController();
    const left = one.turns.open(me, { ...say('two', 't2', begun.conversationId), signal: gone.signal });
    const behind = begin('three', 't3', begun.conversationId);
    gone.abort(new Error('left'));
    await expect(left).rejects.toThrow('left');
    await one.turns.complete(me, begun, answered('done'));
    await one.turns.complete(me, await behind, answered('done'));
    expect(await messages(begun.conversationId)).toMatchObject([
      { content: 'one' },
      { content: 'done' },
      { content: 'three' },
      { content: 'done' },
    ]);
  });

  it('keeps no connection to the database while the provider works', async () => {
    const begun = await Promise.all(Array.from({ length: 12 }, async (_, i) => await begin('hi', `many ${i}`)));
    await one.connection.ping();
    expect(
      await world.rows(
        `select 1 from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'`,
      ),
    ).toEqual([]);
    await Promise.all(begun.map(async (each) => await one.turns.complete(me, each, answered('done'))));
  });
});

describe('a process that dies between the message and the answer', () => {
  it('blocks the conversation until its lease is over; then its message counts as unanswered', async () => {
    const doomed = await begin('one', 't1');
    const impatient = world.start({ waitMs: 200 });
    await expect(begin('two', 't2', doomed.conversationId, impatient)).rejects.toMatchObject({ code: 'conflict' });
    await expireLease(doomed.conversationId);
    const next = await begin('two', 't2', doomed.conversationId, two);
    expect(next.history).toEqual([]);
    expect(await messages(doomed.conversationId)).toEqual([
      { role: 'user', content: 'one', status: 'unanswered' },
      { role: 'user', content: 'two', status: 'pending' },
    ]);
    await two.turns.complete(me, next, answered('to two'));
  });

  it('has its turn taken up again by the same request', async () => {
    const doomed = await begin('one', 't1');
    await expireLease(doomed.conversationId);
    const again = await begin('one', 't1', 'new', two);
    expect(again).toMatchObject({ conversationId: doomed.conversationId, position: 1 });
    await two.turns.complete(me, again, answered('at last'));
    expect(await messages(doomed.conversationId)).toEqual([
      { role: 'user', content: 'one', status: 'completed' },
      { role: 'assistant', content: 'at last', status: 'completed' },
    ]);
  });

  it('and lives after all, brings its answer late to its own place and takes no lease from another', async () => {
    const slow = await begin('one', 't1');
    await expireLease(slow.conversationId);
    const next = await begin('two', 't2', slow.conversationId, two);
    await one.turns.complete(me, slow, answered('to one'));
    const impatient = world.start({ waitMs: 200 });
    await expect(begin('three', 't3', slow.conversationId, impatient)).rejects.toMatchObject({ code: 'conflict' });
    await two.turns.complete(me, next, answered('to two'));
    expect(await messages(slow.conversationId)).toEqual([
      { role: 'user', content: 'one', status: 'completed' },
      { role: 'assistant', content: 'to one', status: 'completed' },
      { role: 'user', content: 'two', status: 'completed' },
      { role: 'assistant', content: 'to two', status: 'completed' },
    ]);
  });
});

describe('a lease', () => {
  const remaining = async (id: string): Promise<unknown> =>
    await world.rows('select turn_expires_at > now() as live from conversations where id = $1', [id]);

  it('is renewed while its process lives, and no longer than any call may take', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    try {
      const process = world.start({ maxTurnMs: 25_000 });
      const begun = await begin('one', 't1', 'new', process);
      await expireLease(begun.conversationId);
      await vi.advanceTimersByTimeAsync(10_000);
      await process.turns.stop();
      expect(await remaining(begun.conversationId)).toEqual([{ live: true }]);

      const lost = world.start({ maxTurnMs: 5_000 });
      const forgotten = await begin('two', 't2', 'new', lost);
      await expireLease(forgotten.conversationId);
      await vi.advanceTimersByTimeAsync(10_000);
      await lost.turns.stop();
      expect(await remaining(forgotten.conversationId)).toEqual([{ live: false }]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that was taken by another is not renewed by the one who lost it', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const loser = world.start();
      const begun = await begin('one', 't1', 'new', loser);
      await expireLease(begun.conversationId);
      await begin('two', 't2', begun.conversationId, two);
      await expireLease(begun.conversationId);
      await vi.advanceTimersByTimeAsync(10_000);
      await loser.turns.stop();
      expect(await remaining(begun.conversationId)).toEqual([{ live: false }]);
    } finally {
      vi.useRealTimers();
    }
  });
});
