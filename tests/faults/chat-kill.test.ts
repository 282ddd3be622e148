import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { startChatStack, type Caller, type ChatStack, type Sent } from '../support/chat-stack.ts';
import { createGate } from '../support/vendor-script.ts';
import { gpt, said } from '../support/vendor-stack.ts';

/** `CHAT_KILLS=20 npm test -- tests/faults/chat-kill` takes a minute and a half. */
const kills = Number(process.env['CHAT_KILLS'] ?? 5);

let chat: ChatStack;
/** While it is down, clients wait: their hammering would only slow its start. */
let up: Promise<void> = Promise.resolve();
beforeAll(async () => {
  chat = await startChatStack({
    CRASH_LEASE_SECONDS: '1',
    PROVIDER_TOTAL_SECONDS: '5',
    PROVIDER_RETRIES: '0',
    LOG_LEVEL: 'error',
  });
});
afterAll(async () => await chat.stop());

/** A request that is sent until its whole answer is there, and what that was. */
type Wish = {
  path: string;
  body: Record<string, unknown>;
  key: string;
  caller: Caller;
  heard?: (text: string) => void;
};
type Granted = Wish & { sent: Sent };
type Conversation = { caller: Caller; id: string; turns: { said: string; heard: string }[] };

describe(`chat that is killed ${kills} times under load`, () => {
  it(
    'loses and doubles no acknowledged message, answers each request once, and keeps money exact',
    { timeout: 300_000 },
    async () => {
      let answers = 0;
      chat.openai.always({
        get text() {
          answers += 1;
          return ['answer', ' ', String(answers)];
        },
      });
      await chat.vendorProxy.set({ latencyMs: 15 });
      const budget = { usd: 100, window: 'day' } as const;
      const payers = await Promise.all([1, 2].map(async () => await chat.caller({ budget })));
      const load = startLoad(payers);
      for (let kill = 0; kill < kills; kill += 1) {
        const before = load.answeredAtOnce();
        await vi.waitUntil(() => load.answeredAtOnce() >= before + 5, { timeout: 20_000, interval: 5 });
        const gate = createGate();
        up = gate.opened;
        await chat.stack.kill('chat');
        await chat.stack.restart('chat');
        gate.open();
      }
      const { granted, conversations, interrupted } = await load.stop();
      expect(interrupted).toBeGreaterThan(kills);
      expect(granted.length).toBeGreaterThan(kills * 5);
      await noMessageIsLostOrDoubled(conversations);
      await answersStay(granted);
      await nothingIsHeld();
      await moneyIsExact(payers);
    },
  );
});

function startLoad(payers: readonly Caller[]) {
  const ending = new AbortController();
  const granted: Granted[] = [];
  const conversations: Conversation[] = [];
  /** Requests that a kill has interrupted: sent again until they are answered, while others go on. */
  const interrupted: Promise<Sent>[] = [];
  let atOnce = 0;
  const grant = (wish: Wish, sent: Sent): Sent => {
    granted.push({ ...wish, sent });
    wish.heard?.(sent.text);
    return sent;
  };
  const wished = async (wish: Wish): Promise<Sent | null> => {
    const sent = await sentOnce(wish);
    if (sent) {
      atOnce += 1;
      return grant(wish, sent);
    }
    interrupted.push(sentUntilWhole(wish).then((late) => grant(wish, late)));
    await sleep(500); // The gateway stays away for a moment from a backend that failed.
    return null;
  };
  const repeat = async (work: () => Promise<unknown>): Promise<void> => {
    while (!ending.signal.aborted) await work();
  };
  const complete = async (caller: Caller, stream: boolean): Promise<void> => {
    const body = { model: gpt, messages: said, max_tokens: 50, stream };
    await wished({ path: '/v1/chat/completions', body, key: randomUUID(), caller });
  };
  /** Until it is interrupted; its last message is then answered later. */
  const talk = async (caller: Caller, stream: boolean): Promise<void> => {
    const conversation: Conversation = { caller, id: 'new', turns: [] };
    conversations.push(conversation);
    let sent: Sent | null = null;
    do {
      const message = `message ${randomUUID()}`;
      const body = { model: gpt, message, conversation_id: conversation.id, stream };
      const heard = (text: string): void => {
        conversation.turns.push({
          said: message,
          heard: stream ? streamedText(text) : Whole.parse(parsed(text)).response,
        });
        conversation.id = /"conversation_id":"([^"]+)"/.exec(text)?.[1] ?? '';
      };
      sent = await wished({ path: '/api/v0.2/chat', body, key: randomUUID(), caller, heard });
    } while (sent && !ending.signal.aborted);
  };
  /** Without a key nobody may send it again: what becomes of it is only the books' business. */
  const unprotected = async (caller: Caller): Promise<void> => {
    const body = { model: gpt, messages: said, max_tokens: 50, stream: true };
    await up;
    await chat.post('/v1/chat/completions', body, caller).catch(() => undefined);
    await sleep(50);
  };
  const running = payers.flatMap((caller) => [
    repeat(async () => await complete(caller, false)),
    repeat(async () => await complete(caller, true)),
    repeat(async () => await unprotected(caller)),
    repeat(async () => await talk(caller, false)),
    repeat(async () => await talk(caller, true)),
  ]);
  return {
    /** Without having been interrupted. */
    answeredAtOnce: () => atOnce,
    stop: async () => {
      ending.abort();
      await Promise.all(running);
      await Promise.all(interrupted);
      return { granted, conversations, interrupted: interrupted.length };
    },
  };
}

/** Null: nobody answered, or not to the end. */
async function sentOnce({ path, body, key, caller }: Wish): Promise<Sent | null> {
  await up;
  const headers = { 'idempotency-key': key, 'x-request-id': key };
  const sent = await chat.post(path, body, { ...caller, headers }).catch(() => null);
  if (!sent) return null;
  expect([200, 409, 502, 503, 504]).toContain(sent.status);
  const isWhole = sent.status === 200 && (body['stream'] !== true || sent.text.endsWith('data: [DONE]\n\n'));
  return isWhole ? sent : null;
}

/** As clients do that want an answer: again, with the same key, until it is whole. */
async function sentUntilWhole(wish: Wish): Promise<Sent> {
  for (;;) {
    await sleep(200);
    const sent = await sentOnce(wish);
    if (sent) return sent;
  }
}

async function noMessageIsLostOrDoubled(conversations: readonly Conversation[]): Promise<void> {
  expect(conversations.flatMap(({ turns }) => turns).length).toBeGreaterThan(kills);
  const Message = z.object({ role: z.string(), content: z.string() });
  for (const { caller, id, turns } of conversations) {
    const text = 'select role, content from chat_messages where conversation_id = $1 order by position';
    expect(await chat.rows(Message, text, [id])).toEqual(
      turns.flatMap(({ said: question, heard }) => [
        { role: 'user', content: question },
        { role: 'assistant', content: heard },
      ]),
    );
    const all = await chat.rows(z.unknown(), 'select from chat_messages where user_id = $1', [caller.userId]);
    const own = conversations.filter((other) => other.caller === caller);
    expect(all).toHaveLength(2 * own.reduce((sum, other) => sum + other.turns.length, 0));
  }
}

async function answersStay(granted: readonly Granted[]): Promise<void> {
  for (const { path, body, key, caller, sent } of granted) {
    const again = await chat.post(path, body, { ...caller, headers: { 'idempotency-key': key } });
    expect([again.headers.get('idempotency-replayed'), again.text]).toEqual(['true', sent.text]);
  }
}

/** Whoever starts sweeps; what was held by the dead is over when their longest calls would be. */
async function nothingIsHeld(): Promise<void> {
  const held = async (where: string): Promise<unknown[]> =>
    await chat.rows(z.unknown(), `select from reservations ${where}`);
  await vi.waitUntil(async () => (await held('where expires_at > now()')).length === 0, { timeout: 20_000 });
  await chat.stack.restart('chat');
  await vi.waitUntil(async () => (await held('')).length === 0, { timeout: 5_000 });
}

async function moneyIsExact(payers: readonly Caller[]): Promise<void> {
  const Sums = z.object({ spent: z.coerce.number(), events: z.coerce.number(), days: z.coerce.number() });
  for (const { keyId } of payers) {
    const [sums] = await chat.rows(
      Sums,
      // Of all windows: midnight may come while this runs.
      `select (select sum(spent_micros) from budget_windows where subject_id = $1) as spent,
         (select sum(cost_micros) from usage_events where key_id = $1) as events,
         (select sum(cost_micros) from usage_days where key_id = $1) as days`,
      [keyId],
    );
    expect(sums?.spent).toBeGreaterThan(0);
    expect([sums?.events, sums?.days]).toEqual([sums?.spent, sums?.spent]);
  }
  const twice = await chat.rows(
    z.unknown(),
    `select request_id from usage_events where status = 0 and cost_micros > 0 group by request_id having count(*) > 1`,
  );
  expect(twice).toEqual([]);
}

const Whole = z.object({ response: z.string(), conversation_id: z.string() });

function streamedText(text: string): string {
  return Array.from(text.matchAll(/"delta":\{[^}]*"content":"([^"]*)"/g), ([, piece]) => piece).join('');
}

function parsed(text: string): unknown {
  return JSON.parse(text);
}
