import { once } from 'node:events';
import { request as httpRequest, type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { CallLimits } from '../calls/calls.ts';
import { asUser } from '../testing/chat-app.ts';
import { startScriptedVendor, type ScriptedVendor, type VendorScript } from '../testing/scripted-vendor.ts';
import { startVendorChat, streaming, unary, vendorKey, type VendorChat } from '../testing/vendor-chat.ts';

let vendor: ScriptedVendor;
const open: VendorChat[] = [];
beforeAll(async () => {
  vendor = await startScriptedVendor();
});
afterEach(async () => {
  for (const chat of open.splice(0)) await chat.close();
});
afterAll(async () => await vendor.close());

async function run(limits: Partial<CallLimits> = {}, baseUrl = vendor.baseUrl): Promise<VendorChat> {
  const chat = await startVendorChat(baseUrl, limits);
  open.push(chat);
  return chat;
}

const chunk = 'data: {"choices":[{"delta":{"content":"ü – 𝄞"}}]}\n\n';
const done = 'data: [DONE]\n\n';
const isJson = { 'content-type': 'application/json' };
const isEvents = { 'content-type': 'text/event-stream; charset=utf-8' };
const completion = '{ "id":"c1","big":12345678901234567890,"choices":[] }\n';

const answers =
  (body: string, headers: Record<string, string> = isJson): VendorScript =>
  (response) =>
    void response.writeHead(200, headers).end(body);

/** Sends an event stream in these pieces, each in a packet of its own. */
const sends =
  (...parts: (string | Buffer)[]): VendorScript =>
  async (response) => {
    response.writeHead(200, isEvents);
    for (const part of parts) await write(response, part);
    response.end();
  };

async function write(response: ServerResponse, part: string | Buffer): Promise<void> {
  await new Promise<void>((resolve) => {
    response.write(part, () => setImmediate(resolve));
  });
}

describe('a whole answer', () => {
  it('passes through as bytes, in both directions, with our key and not the caller’s', async () => {
    vendor.play(answers(completion));
    const { post } = await run();
    const response = await post(unary);
    expect(await response.text()).toBe(completion);
    expect(vendor.requests[0]?.body.toString()).toBe(unary);
    expect(vendor.requests[0]?.url).toBe('/v1/chat/completions');
    expect(vendor.requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${vendorKey}`,
      'x-client-request-id': 'request-0001',
    });
    expect(vendor.requests[0]?.headers).not.toHaveProperty('x-gaia-assertion');
  });

  it('carries the headers of every answer, once, and is logged', async () => {
    vendor.play(answers(completion, { ...isJson, 'set-cookie': 'a=b' }));
    const { post, logLines } = await run();
    const { headers } = await post(unary);
    expect(Object.fromEntries(headers)).toMatchObject({
      'x-request-id': 'request-0001',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-type': 'application/json',
    });
    expect(headers.has('set-cookie')).toBe(false);
    expect(headers.has('x-hono-already-sent')).toBe(false);
    expect(logLines.filter((line) => line.includes('"message":"request"'))).toHaveLength(1);
  });

  it('to a request with the provider’s name has only the model renamed', async () => {
    vendor.play(answers(completion));
    const { post } = await run();
    expect((await post(unary.replace('"m-1"', '"acme/m-1"'))).status).toBe(200);
    expect(vendor.requests[0]?.body.toString()).toBe(unary);
  });

  it.each<[string, VendorScript]>([
    ['is not JSON', answers('<html>', { 'content-type': 'text/html' })],
    ['is only half an object', answers('{"a":')],
    ['is empty', answers('')],
    [
      'breaks off',
      async (response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
        await write(response, '{"a":');
        response.destroy();
      },
    ],
  ])('that %s is 502, not to be retried by the SDK', async (_name, script) => {
    vendor.play(script);
    const { post, health } = await run();
    const response = await post(unary);
    expect(response.status).toBe(502);
    expect(response.headers.get('x-should-retry')).toBe('false');
    expect(health.of('acme')).toMatchObject({ failures: 1, lastFailureCode: 'upstream_failed' });
  });
});

describe('a stream', () => {
  let clientHasBegun = Promise.withResolvers<void>();
  beforeEach(() => {
    clientHasBegun = Promise.withResolvers();
  });

  it.each([
    ['event by event', [chunk, chunk, done]],
    ['with UTF-8 split over packets', [...Buffer.from(chunk + done)].map((byte) => Buffer.of(byte))],
  ])('passes untouched %s, with the headers of every answer', async (_name, parts) => {
    vendor.play(sends(...parts));
    const { post, logLines, health } = await run();
    const response = await post(streaming);
    expect(await response.text()).toBe(Buffer.concat(parts.map((part) => Buffer.from(part))).toString());
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream',
      'x-request-id': 'request-0001',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    expect(logLines.filter((line) => line.includes('"message":"request"'))).toHaveLength(1);
    expect(health.of('acme')).toMatchObject({ status: 'healthy', requests: 1 });
  });

  it('reaches the client event by event, not at its end', async () => {
    const firstSeen = Promise.withResolvers<void>();
    vendor.play(async (response) => {
      response.writeHead(200, isEvents).write(chunk);
      await firstSeen.promise;
      response.end(done);
    });
    const { post } = await run();
    const reader = (await post(streaming)).body?.getReader();
    const first = await reader?.read();
    expect(Buffer.from(first?.value ?? []).toString()).toBe(chunk);
    firstSeen.resolve();
    const second = await reader?.read();
    expect(Buffer.from(second?.value ?? []).toString()).toBe(done);
  });

  it.each<[string, VendorScript]>([
    [
      'is cut inside an event',
      async (response) => {
        response.writeHead(200, isEvents);
        await write(response, `${chunk}data: {"cho`);
        response.destroy();
      },
    ],
    ['ends without [DONE]', sends(chunk)],
    [
      'reports an error',
      async (response) => {
        response.writeHead(200, isEvents);
        await write(response, chunk);
        await clientHasBegun.promise;
        response.end(`data: {"error":{"message":"overloaded"}}\n\n${done}`);
      },
    ],
  ])('that %s ends in an error event, without [DONE], and is a failure of the provider', async (_name, script) => {
    vendor.play(script);
    const { post, health, logLines } = await run();
    const response = await post(streaming);
    clientHasBegun.resolve();
    const sent = await response.text();
    expect(sent).toMatch(
      /^data: \{"choices".*\n\ndata: \{"error":\{"message":".+","type":"api_error","code":"upstream_failed"\}\}\n\n$/,
    );
    expect(health.of('acme')).toMatchObject({ failures: 1 });
    expect(logLines.some((line) => line.includes('stream broke') && line.includes('request-0001'))).toBe(true);
  });

  it('that falls silent ends at the idle limit', async () => {
    vendor.play((response) => void response.writeHead(200, isEvents).write(chunk));
    const { post } = await run({ idleMs: 50 });
    expect(await (await post(streaming)).text()).toContain('"code":"upstream_timeout"');
    await vendor.hungUp();
  });

  it('that never ends is ended by the total limit', async () => {
    let timer: NodeJS.Timeout | undefined;
    vendor.play((response) => {
      response.writeHead(200, isEvents);
      timer = setInterval(() => response.write(chunk), 5);
    });
    const { post } = await run({ totalMs: 100 });
    const sent = await (await post(streaming)).text();
    clearInterval(timer);
    expect(sent).toContain('The provider did not finish within 100 ms');
    expect(sent).not.toContain('[DONE]');
  });

  it('that is no stream is 502', async () => {
    vendor.play(answers('{}'));
    const { post } = await run();
    expect((await post(streaming)).status).toBe(502);
  });
});

describe('a client that leaves', () => {
  it.each<[string, string, VendorScript]>([
    ['during a stream', streaming, (response) => void response.writeHead(200, isEvents).write(chunk)],
    ['before the provider answers a stream', streaming, () => undefined],
    ['before the provider answers', unary, () => undefined],
  ])('%s closes the provider’s connection within a second and is no failure', async (_name, body, script) => {
    const asked = Promise.withResolvers<void>();
    vendor.play((response, request) => {
      asked.resolve();
      return script(response, request);
    });
    const { port, health } = await run();
    const headers = { ...asUser('chat:write'), 'content-type': 'application/json', 'content-length': body.length };
    const client = httpRequest({ port, path: '/v1/chat/completions', method: 'POST', headers });
    client.on('error', () => undefined).end(body);
    await asked.promise;
    if (body === streaming && script.length > 0) await once(client, 'response');
    const leftAt = performance.now();
    client.destroy();
    await vendor.hungUp();
    expect(performance.now() - leftAt).toBeLessThan(1_000);
    await expect.poll(() => health.of('acme').cancelled).toBe(1);
    expect(health.of('acme')).toMatchObject({ failures: 0, status: 'unknown' });
  });
});
