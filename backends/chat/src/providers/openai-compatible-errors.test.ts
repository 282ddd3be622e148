import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import type { CallLimits } from '../calls/calls.ts';
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

const json =
  (status: number, body: unknown, headers: Record<string, string> = {}): VendorScript =>
  (response) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));

describe('a refusal before the first byte', () => {
  const said = {
    error: { message: 'max_tokens is too large, says Bearer abcdefghijkl', type: 'x', param: 'max_tokens', code: null },
  };

  it.each([
    [400, 400, 'invalid_request'],
    [401, 502, 'upstream_failed'],
    [402, 502, 'upstream_failed'],
    [403, 502, 'upstream_failed'],
    [404, 400, 'invalid_request'],
    [413, 413, 'payload_too_large'],
    [422, 400, 'invalid_request'],
    [429, 429, 'rate_limited'],
    [500, 502, 'upstream_failed'],
    [503, 503, 'unavailable'],
    [504, 504, 'upstream_timeout'],
    [529, 503, 'unavailable'],
    [302, 502, 'upstream_failed'],
  ])('of %i is %i %s, streamed or not', async (vendorStatus, status, code) => {
    vendor.play(json(vendorStatus, said));
    const { post } = await run();
    for (const body of [unary, streaming]) {
      const response = await post(body);
      const problem = ProblemSchema.parse(await response.json());
      expect({ status: response.status, code: problem.code }).toEqual({ status, code });
    }
  });

  it('about the request says what the vendor said, masked, and names the field', async () => {
    vendor.play(json(400, said));
    const { post } = await run();
    const problem = ProblemSchema.parse(await (await post(unary)).json());
    expect(problem.detail).toBe('max_tokens is too large, says Bearer …');
    expect(problem.error.param).toBe('max_tokens');
  });

  it('about our key shows and logs nothing of it', async () => {
    vendor.play(json(401, { error: { message: `Incorrect API key provided: ${vendorKey}` } }));
    const { post, logLines } = await run();
    const body = await (await post(unary)).text();
    expect(body).not.toContain('Incorrect');
    expect(body + logLines.join('')).not.toContain(vendorKey);
    expect(logLines.join('')).toContain('401 Incorrect API key provided: …');
  });

  it.each([
    ['7', '7'],
    ['0.2', '1'],
    ['99999', '3600'],
    ['soon', '1'],
  ])('with Retry-After: %s passes on %s', async (offered, passedOn) => {
    vendor.play(json(429, said, { 'retry-after': offered }));
    const { post } = await run();
    expect((await post(streaming)).headers.get('retry-after')).toBe(passedOn);
  });

  it.each([
    ['a string', { error: 'no such model' }, 'no such model'],
    ['a bare message', { message: 'no such model' }, 'no such model'],
    ['nothing that is known', ['?'], 'The provider refused the request'],
  ])('may say why as %s', async (_name, body, detail) => {
    vendor.play(json(400, body));
    const { post } = await run();
    expect(ProblemSchema.parse(await (await post(unary)).json()).detail).toBe(detail);
  });
});

describe('a vendor that cannot be reached', () => {
  it('is 503 when it refuses the connection', async () => {
    const unused = createServer().listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const address = unused.address();
    unused.close();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { post } = await run({}, `http://127.0.0.1:${port}/v1`);
    for (const body of [unary, streaming]) expect((await post(body)).status).toBe(503);
  });

  it.each([
    ['unary', unary],
    ['streamed', streaming],
  ])('is 504 when it does not answer in time: %s', async (_name, body) => {
    vendor.play(() => undefined);
    const { post } = await run({ firstByteMs: 50, totalMs: 100 });
    const response = await post(body);
    expect(response.status).toBe(504);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(response.headers.get('x-should-retry')).toBe('false');
    await vendor.hungUp();
  });

  it('is 502 when it hangs up without an answer', async () => {
    vendor.play((response) => void response.destroy());
    const { post } = await run();
    for (const body of [unary, streaming]) expect((await post(body)).status).toBe(502);
  });

  it('is 502 when its stream is empty', async () => {
    vendor.play((response) => void response.writeHead(200, { 'content-type': 'text/event-stream' }).end());
    const { post } = await run();
    expect((await post(streaming)).status).toBe(502);
  });
});
