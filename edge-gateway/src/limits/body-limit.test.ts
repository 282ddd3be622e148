import { createApiKey } from '#shared/identity/api-key.ts';
import { describe, expect, it } from 'vitest';
import { testGateway, type TestGateway } from '../test-gateway.ts';
import { limitBody } from './body-limit.ts';

const { key } = await createApiKey('dev');
const mebibyte = 1024 * 1024;

function declared(bytes: number): RequestInit {
  return { method: 'POST', headers: { 'x-api-key': key, 'content-length': String(bytes) }, body: 'x' };
}

/** A body that says nothing of its length and comes in pieces. */
function chunked(bytes: number): RequestInit {
  const pieces = [...Array<number>(Math.floor(bytes / 65_536)).fill(65_536), bytes % 65_536].filter(Boolean);
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => {
      const size = pieces.shift();
      if (size === undefined) controller.close();
      else controller.enqueue(new Uint8Array(size));
    },
  });
  return { method: 'POST', headers: { 'x-api-key': key }, body };
}

async function reading(): Promise<TestGateway & { received: number[] }> {
  const received: number[] = [];
  const gateway = await testGateway({
    answer: async (request) => {
      // After a failure the gateway asks whether the backend is there at all.
      if (request.method === 'GET') return Response.json({ ok: true });
      const cut = new Promise<never>((_resolve, reject) => {
        request.signal.addEventListener('abort', () => reject(new Error('cut')));
      });
      received.push((await Promise.race([request.arrayBuffer(), cut])).byteLength);
      return Response.json({ ok: true });
    },
  });
  return { ...gateway, received };
}

describe('a body', () => {
  it.each([
    ['/v1/chat/completions', 32 * mebibyte],
    ['/v1/messages', 32 * mebibyte],
    ['/api/v1/assets/upload', 100 * mebibyte],
    ['/api/v1/keys', mebibyte],
  ])('of %s may declare %i bytes and not one more', async (path, limit) => {
    const gateway = await testGateway();
    expect((await gateway.request(path, declared(limit))).status).toBe(200);
    const answer = await gateway.request(path, declared(limit + 1));
    expect(answer.status).toBe(413);
    expect(gateway.sent).toHaveLength(1);
  });

  it('without a declared length passes when it has exactly the limit', async () => {
    const gateway = await reading();
    expect((await gateway.request('/api/v1/keys', chunked(mebibyte))).status).toBe(200);
    expect(gateway.received).toEqual([mebibyte]);
  });

  it('without a declared length is cut one byte over the limit, and never arrives as a shorter one', async () => {
    const gateway = await reading();
    const answer = await gateway.request('/api/v1/keys', chunked(mebibyte + 1));
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: 'payload_too_large' });
    expect(gateway.received).toEqual([]);
  });

  it('that is cut opens no circuit for others', async () => {
    const gateway = await reading();
    for (let request = 0; request < 20; request += 1) await gateway.request('/api/v1/keys', chunked(mebibyte + 1));
    expect((await gateway.request('/api/v1/keys', chunked(10))).status).toBe(200);
  });

  it('of declared length passes as it is, untouched by our code', () => {
    const request = new Request('http://gateway.test', declared(1));
    expect(limitBody(request.headers, request.body, 1).stream).toBe(request.body);
  });

  it.each(['-1', 'many', '1e1', '0x1', 'Infinity', ''])(
    'whose declared length is %s does not pass as a short one',
    (length) => {
      const request = new Request('http://gateway.test', {
        method: 'POST',
        body: 'x',
        headers: { 'content-length': length },
      });
      expect(() => limitBody(request.headers, request.body, 100)).toThrow(expect.objectContaining({ status: 413 }));
    },
  );
});
