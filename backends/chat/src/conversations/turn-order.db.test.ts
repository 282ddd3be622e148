import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import {
  answered,
  opened,
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
    const stored = (await world.messages(id)).slice(2);
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
    expect(await world.messages(begun.conversationId)).toHaveLength(1);
    await one.turns.complete(me, begun, answered('done'));
    const next = await begin('two', 't2', begun.conversationId, impatient);
    await impatient.turns.complete(me, next, answered('done'));
  });

  it('lets a client go that leaves while it waits, and whoever stands behind it moves up', async () => {
    const begun = await begin('one', 't1');
    const gone = new AbortController();
    const left = one.turns.open(me, { ...say('two', 't2', begun.conversationId), signal: gone.signal });
    const behind = begin('three', 't3', begun.conversationId);
    gone.abort();
    await expect(left).rejects.toMatchObject({ code: 'request_timeout' });
    await one.turns.complete(me, begun, answered('done'));
    await one.turns.complete(me, await behind, answered('done'));
    expect(await world.messages(begun.conversationId)).toMatchObject([
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
    await world.expireLease(doomed.conversationId);
    const next = await begin('two', 't2', doomed.conversationId, two);
    expect(next.history).toEqual([]);
    expect(await world.messages(doomed.conversationId)).toEqual([
      { role: 'user', content: 'one', status: 'unanswered' },
      { role: 'user', content: 'two', status: 'pending' },
    ]);
    await two.turns.complete(me, next, answered('to two'));
  });

  it('has its turn taken up again by the same request', async () => {
    const doomed = await begin('one', 't1');
    await world.expireLease(doomed.conversationId);
    const again = await begin('one', 't1', 'new', two);
    expect(again).toMatchObject({ conversationId: doomed.conversationId, position: 1 });
    await two.turns.complete(me, again, answered('at last'));
    expect(await world.messages(doomed.conversationId)).toEqual([
      { role: 'user', content: 'one', status: 'completed' },
      { role: 'assistant', content: 'at last', status: 'completed' },
    ]);
  });

  it('and lives after all, brings its answer late to its own place and takes no lease from another', async () => {
    const slow = await begin('one', 't1');
    await world.expireLease(slow.conversationId);
    const next = await begin('two', 't2', slow.conversationId, two);
    await one.turns.complete(me, slow, answered('to one'));
    const impatient = world.start({ waitMs: 200 });
    await expect(begin('three', 't3', slow.conversationId, impatient)).rejects.toMatchObject({ code: 'conflict' });
    await two.turns.complete(me, next, answered('to two'));
    expect(await world.messages(slow.conversationId)).toEqual([
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
      await world.expireLease(begun.conversationId);
      await vi.advanceTimersByTimeAsync(10_000);
      await process.turns.stop();
      expect(await remaining(begun.conversationId)).toEqual([{ live: true }]);

      const lost = world.start({ maxTurnMs: 4_000 });
      const forgotten = await begin('two', 't2', 'new', lost);
      await world.expireLease(forgotten.conversationId);
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
      await world.expireLease(begun.conversationId);
      await begin('two', 't2', begun.conversationId, two);
      await world.expireLease(begun.conversationId);
      await vi.advanceTimersByTimeAsync(10_000);
      await loser.turns.stop();
      expect(await remaining(begun.conversationId)).toEqual([{ live: false }]);
    } finally {
      vi.useRealTimers();
    }
  });
});
