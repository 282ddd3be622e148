import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { answerHealth, json, knownKey, startHttp, startKnowingAuth } from '../support/edge-backends.ts';
import { createFaultProxy, type FaultProxy } from '../support/fault-proxy.ts';
import { openRequest, rawRequest } from '../support/raw-http.ts';

const deadlineMs = 900;
const cleanUp = new AsyncDisposableStack();
let edge: Edge;
let network: FaultProxy;
let received: string[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

const ok = (_request: IncomingMessage, response: ServerResponse): void => json(response, 200, { ok: true });

beforeAll(async () => {
  const chat = cleanUp.use(
    await startHttp((request, response) => {
      if (request.url === '/version') return answerHealth(request, response);
      received.push(`${request.method} ${request.url}`);
      return answer(request, response);
    }),
  );
  const auth = cleanUp.use(await startKnowingAuth());
  const asset = cleanUp.use(await startHttp(ok));
  network = await createFaultProxy({ targetPort: chat.port });
  cleanUp.defer(network.close);
  const ports = { auth: auth.port, chat: network.port, asset: asset.port };
  edge = cleanUp.use(await startEdge(ports, { UPSTREAM_FIRST_BYTE_SECONDS: String(deadlineMs / 1_000) }));
});
afterAll(() => cleanUp.disposeAsync());

/** Each test begins with a healthy chat backend, and a circuit that the last test may have to wait for to close. */
beforeEach(async () => {
  received = [];
  answer = ok;
  await network.set({});
  await vi.waitUntil(async () => (await send('GET')).status === 200, { timeout: 6_000, interval: 50 });
  received = [];
});

type Sent = { status: number; code: string | undefined; headers: Headers; ms: number };

async function send(method: string, path = '/v1/chat/completions'): Promise<Sent> {
  const startedAt = performance.now();
  const body = method === 'POST' ? '{}' : null;
  const response = await fetch(`${edge.url}${path}`, { method, headers: { 'x-api-key': knownKey }, body });
  const text = await response.text();
  const problem = response.ok ? null : ProblemSchema.parse(JSON.parse(text));
  return { status: response.status, code: problem?.code, headers: response.headers, ms: performance.now() - startedAt };
}

describe('a backend that refuses connections', () => {
  it('is a 502 with Retry-After, and SDKs are told to repeat nothing that may have had an effect', async () => {
    await network.set({ state: 'down' });
    const read = await send('GET');
    expect([read.status, read.code]).toEqual([502, 'upstream_failed']);
    expect(read.headers.get('retry-after')).toBe('1');
    expect(read.headers.get('x-should-retry')).toBeNull();
    const write = await send('POST');
    expect([write.status, write.headers.get('x-should-retry')]).toEqual([502, 'false']);
  });

  it('is a 502 as well when it resets them', async () => {
    await network.set({ state: 'reset' });
    expect((await send('GET')).status).toBe(502);
  });

  it('is left alone after five failures in a row, and comes back with one good probe', async () => {
    await network.set({ state: 'down' });
    for (let i = 0; i < 5; i++) expect((await send('POST')).status).toBe(502);
    await network.set({});
    const refused = await send('POST');
    expect([refused.status, refused.code]).toEqual([503, 'unavailable']);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(refused.headers.get('x-should-retry')).toBeNull();
    expect(received).toEqual([]);
    expect((await send('GET', '/v1/images/x')).status).toBe(200);
    await expect.poll(async () => (await send('POST')).status, { timeout: 4_000, interval: 50 }).toBe(200);
    expect(received).toHaveLength(1);
    expect((await send('POST')).status).toBe(200);
  });

  it('does not stay open to everybody when the probe fails', async () => {
    await network.set({ state: 'down' });
    for (let i = 0; i < 5; i++) await send('POST');
    await expect.poll(async () => (await send('POST')).status, { timeout: 4_000, interval: 50 }).toBe(502);
    expect((await send('POST')).status).toBe(503);
  });
});

describe('a backend that is silent', () => {
  it('is given up long before the deadline of an answer when nobody is there, and delays no other', async () => {
    await network.set({ state: 'timeout' });
    const hanging = send('POST');
    const others = await Promise.all(Array.from({ length: 20 }, () => send('GET', '/v1/images/x')));
    expect(others.every(({ status, ms }) => status === 200 && ms < 250)).toBe(true);
    const { status, code, headers, ms } = await hanging;
    expect([status, code, headers.get('x-should-retry')]).toEqual([504, 'upstream_timeout', 'false']);
    expect(headers.get('retry-after')).toBe('1');
    expect(ms).toBeLessThan(deadlineMs - 50);
  });

  it('has the whole deadline as long as it says that it is there', async () => {
    answer = () => undefined;
    const { status, ms } = await send('GET');
    expect(status).toBe(504);
    expect(ms).toBeGreaterThan(deadlineMs - 50);
    expect(received).toHaveLength(1);
  });

  it('delays health by one second at most, and is named there', async () => {
    await network.set({ state: 'timeout' });
    const startedAt = performance.now();
    const health = await fetch(`${edge.url}/health`);
    expect(performance.now() - startedAt).toBeLessThan(1_400);
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({
      services: { auth: { status: 'healthy' }, chat: { status: 'unhealthy', error: 'timeout' } },
    });
    expect((await fetch(`${edge.url}/ready`)).status).toBe(200);
  });

  it('is waited for while it is only slow', async () => {
    await network.set({ latencyMs: 250 });
    expect((await send('POST')).status).toBe(200);
  });
});

describe('a backend that hangs up without an answer', () => {
  const hangUpOnce = (request: IncomingMessage, response: ServerResponse): void => {
    if (received.length === 1) request.socket.destroy();
    else ok(request, response);
  };

  it('is asked again for what only reads', async () => {
    answer = hangUpOnce;
    expect((await send('GET')).status).toBe(200);
    expect(received).toHaveLength(2);
  });

  it('is never asked twice for what may have had an effect', async () => {
    answer = hangUpOnce;
    const { status, headers } = await send('POST');
    expect([status, headers.get('x-should-retry')]).toEqual([502, 'false']);
    expect(received).toHaveLength(1);
  });

  it('is asked no more than three times', async () => {
    answer = (request) => void request.socket.destroy();
    expect((await send('GET')).status).toBe(502);
    expect(received).toHaveLength(3);
  });
});

describe('answers that say 503', () => {
  it('pass unchanged when they are the backend’s own, and open no circuit', async () => {
    const problem = { type: 'urn:gaia:error:version_skew', title: 'Version skew', status: 503, detail: 'of two' };
    const error = { message: 'of two', type: 'api_error', code: 'version_skew', param: null };
    answer = (_request, response) =>
      json(response, 503, { ...problem, instance: '/', code: 'version_skew', request_id: 'req_1', error });
    for (let i = 0; i < 7; i++) expect((await send('POST')).code).toBe('version_skew');
    answer = ok;
    expect((await send('POST')).status).toBe(200);
  });

  it('become our problem when a proxy before the backend made them', async () => {
    answer = (_request, response) =>
      response.writeHead(503, { 'content-type': 'text/html' }).end('<h1>no machine</h1>');
    const { status, code } = await send('POST');
    expect([status, code]).toEqual([502, 'upstream_failed']);
  });
});

describe('a client that misbehaves', () => {
  const upload = `POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nX-API-Key: ${knownKey}\r\nContent-Length: 100\r\n\r\n{`;
  const afterItsBody = (request: IncomingMessage, response: ServerResponse): void => {
    request.on('error', () => undefined).on('end', () => ok(request, response));
    request.resume();
  };

  it.each([
    ['leaves', (socket: Socket) => socket.end()],
    ['breaks its connection', (socket: Socket) => socket.resetAndDestroy()],
  ])('and %s in the middle of its uploads opens no circuit', async (_how, leave) => {
    answer = afterItsBody;
    for (let i = 1; i <= 6; i++) {
      const { socket } = await openRequest(edge.port, upload);
      await vi.waitUntil(() => received.length === i);
      const closed = once(socket, 'close');
      leave(socket);
      await closed;
    }
    expect((await send('POST')).status).toBe(200);
  });

  it('and never ends its uploads opens no circuit', async () => {
    answer = afterItsBody;
    const slow = await Promise.all(Array.from({ length: 6 }, async () => await rawRequest(edge.port, upload, 1_500)));
    expect(slow.every(({ text }) => text.startsWith('HTTP/1.1 504 '))).toBe(true);
    expect((await send('POST')).status).toBe(200);
  });
});
