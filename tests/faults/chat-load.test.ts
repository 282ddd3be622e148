import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import * as z from 'zod';
import { startBalancer } from '../support/balancer.ts';
import { createTestIdentity } from '../support/assertions.ts';
import { startChatProcess, type ChatProcess } from '../support/chat-process.ts';
import { startChatStack, unlimited, type ChatStack } from '../support/chat-stack.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { createGate } from '../support/vendor-script.ts';
import { gpt, said } from '../support/vendor-stack.ts';

const path = '/v1/chat/completions';
const completion = { model: gpt, messages: said, max_tokens: 20 };
const streamed = { ...completion, stream: true };
const room = 20;

let chat: ChatStack;
beforeAll(async () => {
  chat = await startChatStack({ MAX_CONCURRENT_CALLS: String(room) });
});
afterAll(async () => await chat.stop());
const cleanUp: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of cleanUp.splice(0).toReversed()) await end();
});
beforeEach(() => {
  chat.openai.requests.length = 0;
  chat.openai.always({});
});

describe('three times as many calls as there is room for', () => {
  it.each<[string, string, object]>([
    ['whole answers', path, completion],
    ['streams', path, streamed],
    ['chats', '/api/v0.2/chat', { model: gpt, message: 'hi', conversation_id: 'new' }],
  ])('of %s are refused at once, leave nothing behind, and are welcome again', async (_what, where, body) => {
    const caller = await chat.caller({ budget: { usd: 100, window: 'day' } });
    const gate = createGate();
    chat.openai.always({ before: gate.opened });
    const running = Array.from({ length: room }, async () => await chat.post(where, body, caller));
    await chat.openai.received(room);
    const refused = await Promise.all(
      Array.from({ length: 2 * room }, async () => await chat.post(where, body, caller)),
    );
    for (const { status, headers, text } of refused) {
      expect([status, JSON.parse(text)]).toMatchObject([503, { code: 'unavailable' }]);
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(chat.openai.requests).toHaveLength(room);
    expect((await fetch(`${chat.stack.urls.chat}/ready`)).status).toBe(200);
    gate.open();
    expect((await Promise.all(running)).map(({ status }) => status)).toEqual(running.map(() => 200));
    const overAt = performance.now();
    const again = await Promise.all(Array.from({ length: room }, async () => await chat.post(where, body, caller)));
    expect(again.map(({ status }) => status)).toEqual(again.map(() => 200));
    expect(performance.now() - overAt).toBeLessThan(5_000);
    await vi.waitFor(async () => {
      const left = 'select from reservations where user_id = $1';
      expect(await chat.rows(z.unknown(), left, [caller.userId])).toEqual([]);
      const events = 'select from usage_events where user_id = $1';
      expect(await chat.rows(z.unknown(), events, [caller.userId])).toHaveLength(2 * room);
    });
    const Status = z.object({ status: z.string() });
    const stored = Array.from({ length: where === path ? 0 : 4 * room }, () => ({ status: 'completed' }));
    await vi.waitFor(async () => {
      const messages = 'select status from chat_messages where user_id = $1';
      expect(await chat.rows(Status, messages, [caller.userId])).toEqual(stored);
    });
  });
});

describe('SIGTERM under load', () => {
  it('turns readiness off, lets everything finish that has begun, writes it down, and ends with 0', async () => {
    const identity = await createTestIdentity();
    const process = await startChatProcess(identity, environment());
    cleanUp.push(async () => await process.child.stop('SIGKILL'));
    const { userId, keyId } = await chat.caller({ budget: { usd: 100, window: 'day' } });
    const send = async (body: object): Promise<Response> =>
      await process.post({ kind: 'user', userId, keyId, scopes: ['chat:write'], limits: {} }, path, body);
    const gate = createGate();
    chat.openai.always({ beforeEvent: (index) => (index > 2 ? gate.opened : undefined) });
    const streams = await Promise.all(Array.from({ length: 50 }, async () => await send(streamed)));
    chat.openai.always({ before: gate.opened });
    const whole = Array.from({ length: 50 }, async () => await send(completion));
    await chat.openai.received(100);
    const stopped = process.child.stop('SIGTERM', 20_000);
    await vi.waitUntil(async () => (await readiness(process.port)) !== 200);
    gate.open();
    const texts = await Promise.all(streams.map(async (answer) => await answer.text()));
    expect(texts.filter((text) => !text.endsWith('data: [DONE]\n\n'))).toEqual([]);
    expect((await Promise.all(whole)).map(({ status }) => status)).toEqual(whole.map(() => 200));
    await stopped;
    expect(await process.child.exited).toEqual({ code: 0, signal: null });
    const events = await chat.rows(z.unknown(), 'select from usage_events where user_id = $1 and status = 0', [userId]);
    expect(events).toHaveLength(100);
    expect(await chat.rows(z.unknown(), 'select from reservations where user_id = $1', [userId])).toEqual([]);
  });
});

describe('a rolling restart of two processes under load', () => {
  it('fails no request, whole or streamed', { timeout: 90_000 }, async () => {
    const identity = await createTestIdentity();
    const running: ChatProcess[] = [];
    const start = async (): Promise<ChatProcess> => {
      const process = await startChatProcess(identity, {
        ...environment(),
        GATEWAY_PUBLIC_KEYS: chat.stack.keys.publicKeys,
      });
      cleanUp.push(async () => await process.child.stop('SIGKILL'));
      running.push(process);
      return process;
    };
    await Promise.all([start(), start()]);
    const balancer = await startBalancer(() => running.map(({ port }) => port));
    cleanUp.push(async () => await balancer[Symbol.asyncDispose]());
    const edge = await edgeTo(balancer.port);
    const load = startLoad(edge.url);
    for (const old of running.slice()) {
      await load.answered(40);
      const next = await start();
      await vi.waitUntil(async () => (await readiness(next.port)) === 200);
      await load.answered(40);
      await old.child.stop('SIGTERM', 20_000);
      running.splice(running.indexOf(old), 1);
      expect(await old.child.exited).toEqual({ code: 0, signal: null });
    }
    await load.answered(40);
    const failures = await load.stop();
    expect(failures).toEqual([]);
  });
});

async function edgeTo(chatPort: number): Promise<Edge> {
  const portOf = (url: string): number => Number(new URL(url).port);
  const { auth, asset } = chat.stack.urls;
  const edge = await startEdge(
    { auth: portOf(auth), chat: chatPort, asset: portOf(asset) },
    { GATEWAY_SIGNING_KEY: chat.stack.keys.privateKey, ...unlimited },
  );
  cleanUp.push(async () => await edge[Symbol.asyncDispose]());
  return edge;
}

/** Eight clients that ask all the time, half of them for streams. */
function startLoad(url: string) {
  const ending = new AbortController();
  const failures: string[] = [];
  let done = 0;
  const ask = async (stream: boolean): Promise<void> => {
    const answer = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'x-api-key': chat.stack.key, 'content-type': 'application/json' },
      body: JSON.stringify(stream ? streamed : completion),
    });
    const text = await answer.text();
    const isWhole = answer.status === 200 && (!stream || text.endsWith('data: [DONE]\n\n'));
    if (!isWhole) failures.push(`${answer.status} ${text.slice(-200)}`);
    done += 1;
  };
  const clients = Array.from({ length: 8 }, async (_, place) => {
    while (!ending.signal.aborted)
      await ask(place % 2 === 0).catch((error: unknown) => void failures.push(String(error)));
  });
  return {
    answered: async (more: number) => {
      const target = done + more;
      await vi.waitUntil(() => done >= target, { timeout: 20_000 });
    },
    stop: async () => {
      ending.abort();
      await Promise.all(clients);
      return failures;
    },
  };
}

function environment(): Record<string, string> & { DATABASE_URL: string } {
  return {
    DATABASE_URL: chat.stack.applicationUrl,
    OPENAI_API_KEY: chat.openai.apiKey,
    OPENAI_BASE_URL: `${chat.openai.url}/v1`,
    DRAIN_SECONDS: '15',
  };
}

async function readiness(port: number): Promise<number> {
  return await fetch(`http://127.0.0.1:${port}/ready`).then(
    ({ status }) => status,
    () => 0,
  );
}
