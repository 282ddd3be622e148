import { request as httpRequest, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { serve, type Listening } from '#shared/service/serve.ts';
import { createOpenAiCompatibleProvider } from '../providers/index.ts';
import { asUser, createTestChat, type TestChat, type TestChatOptions } from '../testing/chat-app.ts';
import { startScriptedVendor, type ScriptedVendor, type VendorScript } from '../testing/scripted-vendor.ts';
import { quietLog } from '../testing/vendor-chat.ts';

let first: ScriptedVendor;
let second: ScriptedVendor;
const ends: (() => Promise<void>)[] = [];

beforeAll(async () => {
  [first, second] = await Promise.all([startScriptedVendor(), startScriptedVendor()]);
});
beforeEach(() => {
  for (const vendor of [first, second]) vendor.play(fails(500));
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});
afterAll(async () => void (await Promise.all([first.close(), second.close()])));

type RunningChat = TestChat & { port: number; post: (fields?: object) => Promise<Response> };

/** A chat backend on a real port over two vendors; `alpha/m` falls back to `beta/m`. */
async function run(options: TestChatOptions = {}): Promise<RunningChat> {
  const timeouts = { connectMs: 1_000, idleMs: 10_000, totalMs: 10_000 };
  const of = (id: string, { baseUrl }: ScriptedVendor) =>
    createOpenAiCompatibleProvider({ id, name: id, baseUrl, apiKey: 'key', models: ['m'], timeouts });
  const providers = [of('alpha', first), of('beta', second)];
  const chat = createTestChat({ providers, fallbacks: { 'alpha/m': ['beta/m'] }, ...options });
  const server: Listening = await serve({ app: chat.app, host: '127.0.0.1', port: 0, log: quietLog });
  ends.push(async () => {
    await server.close(0);
    for (const provider of providers) await provider.close();
  });
  const headers = { ...asUser('chat:write'), 'content-type': 'application/json' };
  const url = `http://127.0.0.1:${server.port}/v1/chat/completions`;
  const post = async (fields: object = {}): Promise<Response> =>
    await fetch(url, { method: 'POST', headers, body: JSON.stringify({ ...request, ...fields }) });
  return { ...chat, port: server.port, post };
}

const request = { model: 'alpha/m', messages: [{ role: 'user', content: 'hi' }] };
const usage = { prompt_tokens: 100, completion_tokens: 10, prompt_tokens_details: { cached_tokens: 40 } };
/** 60 at 1, 40 at 0.5 and 10 at 2 dollars for a million. */
const cost = 100;
const completion = JSON.stringify({ id: 'c', choices: [], usage });
const chunk = 'data: {"choices":[{"delta":{"content":"12345678"}}]}\n\n';
const usageChunk = `data: ${JSON.stringify({ choices: [], usage })}\n\n`;
const done = 'data: [DONE]\n\n';
const isJson = { 'content-type': 'application/json' };
const isEvents = { 'content-type': 'text/event-stream' };

const answers: VendorScript = (response) => void response.writeHead(200, isJson).end(completion);
const fails =
  (status: number, headers: Record<string, string> = {}): VendorScript =>
  (response) =>
    void response.writeHead(status, { ...isJson, ...headers }).end('{"error":{"message":"no"}}');
const streams =
  (...parts: string[]): VendorScript =>
  async (response) => {
    response.writeHead(200, isEvents);
    for (const part of parts) await write(response, part);
    response.end();
  };
const cut: VendorScript = async (response) => {
  response.writeHead(200, isEvents);
  await write(response, chunk);
  response.destroy();
};

async function write(response: ServerResponse, part: string): Promise<void> {
  await new Promise<void>((resolve) => void response.write(part, () => setImmediate(resolve)));
}

describe('a call that is answered', () => {
  it('is settled once with what its vendor reported', async () => {
    first.play(answers);
    const { post, metering } = await run();
    expect(await (await post()).text()).toBe(completion);
    expect(await metering.settled(1)).toMatchObject([
      {
        operation: 'chat-completions',
        provider: 'alpha',
        model: 'm',
        status: 'completed',
        errorCode: null,
        usage: { input: 100, cachedInput: 40, output: 10 },
        isEstimated: false,
        costMicros: cost,
        isFallback: false,
      },
    ]);
    expect(second.requests).toHaveLength(0);
  });

  it('is admitted before its vendor is asked', async () => {
    first.play(answers);
    const { post, metering } = await run();
    const [asked, admitted] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { admit } = metering;
    metering.admit = async (admission) => {
      asked.resolve();
      await admitted.promise;
      return await admit(admission);
    };
    const answer = post();
    await asked.promise;
    expect(first.requests).toHaveLength(0);
    admitted.resolve();
    expect((await answer).status).toBe(200);
    expect(first.requests).toHaveLength(1);
  });

  it('of a vendor that reports nothing is charged by what passed', async () => {
    first.play((response) => void response.writeHead(200, isJson).end('{"choices":[]}'));
    const { post, metering } = await run();
    await post();
    const [outcome] = await metering.settled(1);
    expect(outcome).toMatchObject({ isEstimated: true, status: 'completed' });
    expect(outcome?.costMicros).toBeGreaterThan(0);
  });

  it('as a stream asks its vendor for the usage, and keeps that to itself', async () => {
    first.play(streams(chunk, usageChunk, done));
    const { post, metering } = await run();
    expect(await (await post({ stream: true })).text()).toBe(chunk + done);
    expect(JSON.parse(String(first.requests[0]?.body))).toMatchObject({ stream_options: { include_usage: true } });
    expect(await metering.settled(1)).toMatchObject([{ status: 'completed', costMicros: cost, isEstimated: false }]);
  });

  it('as a stream whose caller wants the usage has it, in bytes that nobody touched', async () => {
    first.play(streams(chunk, usageChunk, done));
    const { post } = await run();
    const text = await (await post({ stream: true, stream_options: { include_usage: true } })).text();
    expect(text).toBe(chunk + usageChunk + done);
  });
});

describe('a process that runs as many calls as it may', () => {
  it('refuses one more before anybody is asked, and takes it once a place is free', async () => {
    const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    first.play(async (response) => {
      asked.resolve();
      await answered.promise;
      response.writeHead(200, isJson).end(completion);
    });
    const { post, metering } = await run({ maxCalls: 1 });
    const running = post();
    await asked.promise;
    const refused = await post({ stream: true });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('2');
    expect(metering.admissions).toHaveLength(1);
    answered.resolve();
    expect((await running).status).toBe(200);
    expect((await post()).status).toBe(200);
    // A place is given back however a call ends.
    first.play(fails(400));
    for (let i = 0; i < 2; i++) expect((await post()).status).toBe(400);
    first.play(cut);
    for (let i = 0; i < 2; i++) expect(await (await post({ stream: true })).text()).toContain('"error"');
  });
});

describe('a provider that fails before the first byte', () => {
  it.each<[string, VendorScript]>([
    ['a limit', fails(429)],
    ['an error of its own', fails(500)],
    ['an overload', fails(529)],
    ['our key refused', fails(401)],
    ['a closed connection', (response) => void response.destroy()],
    ['an answer that is not JSON', (response) => void response.writeHead(200, isJson).end('<html>')],
  ])('by %s is replaced by the next one', async (_name, script) => {
    first.play(script);
    second.play(answers);
    const { post, metering } = await run();
    expect((await post()).status).toBe(200);
    expect(first.requests).toHaveLength(1);
    expect(await metering.settled(1)).toMatchObject([{ provider: 'beta', isFallback: true, status: 'completed' }]);
  });

  it.each<[string, VendorScript]>([
    ['refuses', fails(503)],
    ['begins with an error event', streams('data: {"error":{"message":"overloaded"}}\n\n')],
    ['ends without a word', streams()],
    ['is silent for too long', (response) => response.writeHead(200, isEvents).flushHeaders()],
  ])('in a stream, when it %s, is replaced as well', async (_name, script) => {
    first.play(script);
    second.play(streams(chunk, usageChunk, done));
    const { post, metering } = await run({ limits: { firstByteMs: 100 } });
    expect(await (await post({ stream: true })).text()).toBe(chunk + done);
    expect(await metering.settled(1)).toMatchObject([{ provider: 'beta', isFallback: true, costMicros: cost }]);
  });

  it('is asked again as often as the limits say, and the caller gets its last word', async () => {
    first.play(fails(429, { 'retry-after': '0' }));
    const { post, metering } = await run({ limits: { retries: 2 }, fallbacks: {} });
    const answer = await post();
    expect(answer.status).toBe(429);
    expect(first.requests).toHaveLength(3);
    expect(await metering.settled(1)).toMatchObject([{ status: 'failed', errorCode: 'rate_limited', costMicros: 0 }]);
  });

  it.each([401, 402, 403])('by %i, which is about our account, is asked only once', async (status) => {
    first.play(fails(status));
    second.play(answers);
    const { post } = await run({ limits: { retries: 2 } });
    expect((await post()).status).toBe(200);
    expect([first.requests.length, second.requests.length]).toEqual([1, 1]);
  });

  it('because the request is wrong is not replaced', async () => {
    first.play(fails(400));
    const { post } = await run({ limits: { retries: 2 } });
    expect((await post()).status).toBe(400);
    expect([first.requests.length, second.requests.length]).toEqual([1, 0]);
  });
});

describe('a provider that fails after the first byte', () => {
  it('is not replaced, and what it wrote is charged and no more', async () => {
    first.play(cut);
    const { post, metering } = await run({ limits: { retries: 2 } });
    const text = await (await post({ stream: true })).text();
    expect(text.startsWith(`${chunk}data: {"error"`)).toBe(true);
    expect(text).not.toContain('[DONE]');
    expect([first.requests.length, second.requests.length]).toEqual([1, 0]);
    const [outcome] = await metering.settled(1);
    expect(outcome).toMatchObject({ status: 'broken', isEstimated: true, errorCode: 'upstream_failed' });
    expect(outcome?.usage.output).toBe(2);
  });
});

describe('a client that leaves', () => {
  it('is charged for what was written until then, and counts as cancelled', async () => {
    first.play((response) => void response.writeHead(200, isEvents).write(chunk));
    const { port, metering } = await run();
    const body = JSON.stringify({ ...request, stream: true });
    const headers = { ...asUser('chat:write'), 'content-type': 'application/json', 'content-length': body.length };
    const client = httpRequest({ port, path: '/v1/chat/completions', method: 'POST', headers }).end(body);
    client.on('error', () => undefined);
    await new Promise<void>((resolve) => {
      client.once('response', (response) => void response.once('data', () => resolve()));
    });
    client.destroy();
    await first.hungUp();
    expect(await metering.settled(1)).toMatchObject([{ status: 'cancelled', usage: { output: 2 }, isEstimated: true }]);
  });

  it('before an answer began pays nothing', async () => {
    const asked = Promise.withResolvers<void>();
    first.play(() => asked.resolve());
    const { port, metering } = await run();
    const body = JSON.stringify(request);
    const headers = { ...asUser('chat:write'), 'content-type': 'application/json', 'content-length': body.length };
    const client = httpRequest({ port, path: '/v1/chat/completions', method: 'POST', headers }).end(body);
    client.on('error', () => undefined);
    await asked.promise;
    client.destroy();
    expect(await metering.settled(1)).toMatchObject([{ status: 'cancelled', costMicros: 0 }]);
    expect(second.requests).toHaveLength(0);
  });
});
