import { decodeJwt } from 'jose';
import { describe, expect, it } from 'vitest';
import { createApiKey } from '#shared/identity/api-key.ts';
import { principalSent, testGateway } from './test-gateway.ts';

const { key } = await createApiKey('dev');
const authorized = { headers: { 'x-api-key': key } };

describe('what crosses to a backend', () => {
  it('signs the principal for the one backend the path belongs to', async () => {
    const gateway = await testGateway();
    await gateway.request('/v1/chat/completions', { ...authorized, method: 'POST', body: '{}' });
    await gateway.request('/v1/images/generations', { ...authorized, method: 'POST', body: '{}' });
    expect(gateway.sent.map((request) => request.url)).toEqual([
      'http://chat.test/v1/chat/completions',
      'http://asset.test/v1/images/generations',
    ]);
    expect(gateway.sent.map((request) => decodeJwt(request.headers.get('x-gaia-assertion') ?? '').aud)).toEqual([
      'chat',
      'asset',
    ]);
    expect(principalSent(gateway.sent[0])).toMatchObject({ userId: 'user-1', keyId: 'key-1' });
  });

  it.each([
    'x-user-id',
    'x_user_id',
    'x-gaia-assertion',
    'x-gaia-contract',
    'x-api-key',
    'authorization',
    'cookie',
    'x-forwarded-for',
    'forwarded',
    'fly-client-ip',
    'cf-connecting-ip',
    'x-real-ip',
    'connection-id',
  ])('never passes on what a client put into %s', async (name) => {
    const gateway = await testGateway();
    await gateway.request('/v1/models', {
      headers: { 'x-api-key': key, [name]: name === 'x-api-key' ? key : `Bearer ${key}` },
    });
    expect(gateway.sent[0]?.headers.get(name) ?? '').not.toContain(key);
  });

  it("tells a backend the client's address, and only as the platform knows it", async () => {
    const forged = { 'x-gaia-client-address': '203.0.113.9', 'x-forwarded-for': '203.0.113.9' };
    const known = await testGateway({ vars: { TRUSTED_ADDRESS_HEADER: 'cf-connecting-ip' } });
    await known.request('/v1/models', { headers: { 'x-api-key': key, ...forged, 'cf-connecting-ip': '192.0.2.1' } });
    expect(known.sent[0]?.headers.get('x-gaia-client-address')).toBe('192.0.2.1');
    const unknown = await testGateway();
    await unknown.request('/v1/models', { headers: { 'x-api-key': key, ...forged } });
    expect(unknown.sent[0]?.headers.get('x-gaia-client-address')).toBeNull();
  });

  it('passes query, method, body and protocol headers on unchanged', async () => {
    const gateway = await testGateway();
    await gateway.request('/v1/messages?beta=true&x=%20y', {
      method: 'POST',
      headers: { ...authorized.headers, 'content-type': 'application/json', 'anthropic-version': '2023-06-01' },
      body: '{"a":1}',
    });
    const [request] = gateway.sent;
    expect(request?.url).toBe('http://chat.test/v1/messages?beta=true&x=%20y');
    expect(request?.method).toBe('POST');
    expect(request?.headers.get('anthropic-version')).toBe('2023-06-01');
    expect(await request?.text()).toBe('{"a":1}');
  });
});

describe('what crosses back', () => {
  it('takes an Idempotency-Key to the backend, and the word of a replay and a vendor’s request id back', async () => {
    const gateway = await testGateway({
      answer: () => new Response('{}', { headers: { 'idempotency-replayed': 'true', 'request-id': 'req_vendor' } }),
    });
    const answer = await gateway.request('/v1/messages', {
      method: 'POST',
      headers: { ...authorized.headers, 'idempotency-key': 'order 1', 'idempotency-replayed': 'forged' },
      body: '{}',
    });
    expect(gateway.sent[0]?.headers.get('idempotency-key')).toBe('order 1');
    expect(gateway.sent[0]?.headers.get('idempotency-replayed')).toBeNull();
    expect(answer.headers.get('idempotency-replayed')).toBe('true');
    expect(answer.headers.get('request-id')).toBe('req_vendor');
  });

  it('passes only listed headers of a backend', async () => {
    const gateway = await testGateway({
      answer: () =>
        new Response('x', {
          headers: {
            'set-cookie': 'a=b',
            'fly-replay': 'app=evil',
            'x-powered-by': 'x',
            'retry-after': '7',
            server: 's',
          },
        }),
    });
    const answer = await gateway.request('/v1/models', authorized);
    expect(answer.headers.get('retry-after')).toBe('7');
    for (const name of ['set-cookie', 'fly-replay', 'x-powered-by', 'server'])
      expect(answer.headers.get(name)).toBeNull();
  });

  it('puts request id, no-store, nosniff and Server-Timing on every answer', async () => {
    const gateway = await testGateway();
    for (const path of ['/', '/v1/models', '/nothing', '/v1//models']) {
      const { headers } = await gateway.request(path, {
        headers: { ...authorized.headers, 'x-request-id': 'my-request-1' },
      });
      expect(headers.get('x-request-id')).toBe('my-request-1');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('server-timing')).toMatch(/^edge;dur=\d+/);
    }
  });

  it('replaces a request id that is not well-formed', async () => {
    const gateway = await testGateway();
    const { headers } = await gateway.request('/', { headers: { 'x-request-id': 'a b\tc' } });
    expect(headers.get('x-request-id')).toMatch(/^req_[0-9A-Za-z]{20}$/);
  });

  it('gives the first bytes of a stream before the backend has made the last', async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const gateway = await testGateway({
      answer: () => new Response(readable, { headers: { 'content-type': 'text/event-stream' } }),
    });
    const writer = writable.getWriter();
    const answer = await gateway.request('/v1/chat/completions', { ...authorized, method: 'POST', body: '{}' });
    const body: ReadableStream<Uint8Array> | null = answer.body;
    const reader = body?.getReader();
    void writer.write(new TextEncoder().encode('data: 1\n\n'));
    expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('data: 1\n\n');
    void writer.close();
    expect((await reader?.read())?.done).toBe(true);
  });
});

describe('when a backend fails', () => {
  it('says 502 for one that cannot be reached, and tells SDKs not to repeat a POST', async () => {
    const gateway = await testGateway({
      answer: () => {
        throw new Error('connection refused by 10.0.0.1');
      },
    });
    const answer = await gateway.request('/v1/chat/completions', { ...authorized, method: 'POST', body: '{}' });
    expect(answer.status).toBe(502);
    expect(answer.headers.get('x-should-retry')).toBe('false');
    expect(await answer.text()).not.toContain('10.0.0.1');
    expect((await gateway.request('/v1/models', authorized)).headers.get('x-should-retry')).toBeNull();
  });

  it('says 504 for one that is silent beyond its deadline', async () => {
    const gateway = await testGateway({
      vars: { UPSTREAM_FIRST_BYTE_SECONDS: '0.05' },
      answer: (request) =>
        new Promise((_resolve, reject) => {
          request.signal.addEventListener('abort', () => reject(new Error('aborted')));
        }),
    });
    expect((await gateway.request('/v1/models', authorized)).status).toBe(504);
  });

  it("speaks Anthropic's error shape under /v1/messages", async () => {
    const gateway = await testGateway();
    const answer = await gateway.request('/v1/messages', { method: 'POST', body: '{}' });
    expect(await answer.json()).toEqual({
      type: 'error',
      error: { type: 'authentication_error', message: 'Could not validate credentials' },
      request_id: answer.headers.get('x-request-id'),
    });
  });
});

describe('paths and methods', () => {
  it.each([
    '/v1//models',
    '/v1/..%2fadmin',
    '/v1/%2e%2e%2finternal',
    '/v1/a%5cb',
    '/v1/a%00b',
    '/v1/a%252fb',
    '/api/v1/keys/a%2fb',
  ])('refuses the path %s', async (path) => {
    const gateway = await testGateway();
    const answer = await gateway.request(path, authorized);
    expect(answer.status).toBe(400);
    expect(gateway.sent).toHaveLength(0);
  });

  it('passes a model name with an encoded slash, as SDKs send it', async () => {
    const gateway = await testGateway();
    expect((await gateway.request('/v1/models/local%2Fecho', authorized)).status).toBe(200);
    expect(gateway.sent[0]?.url).toBe('http://chat.test/v1/models/local%2Fecho');
  });

  it.each(['/internal/keys/resolve', '/v1', '/v1/chatty', '/metrics', '/api', '/api/v2/chat'])(
    'knows nothing at %s, with a credential or without',
    async (path) => {
      const gateway = await testGateway();
      expect((await gateway.request(path, authorized)).status).toBe(404);
      expect((await gateway.request(path)).status).toBe(404);
      expect(gateway.sent).toHaveLength(0);
    },
  );

  it('refuses a URL of 16 kB and an unusual method', async () => {
    const gateway = await testGateway();
    expect((await gateway.request(`/v1/models?${'q'.repeat(16_384)}`, authorized)).status).toBe(414);
    const answer = await gateway.request('/v1/models', { ...authorized, method: 'PROPFIND' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toContain('GET');
  });

  it('answers HEAD like GET, without a body', async () => {
    const gateway = await testGateway();
    const answer = await gateway.request('/', { method: 'HEAD' });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toBe('');
  });
});

describe('browsers', () => {
  it('answers a preflight of an allowed origin before any authentication', async () => {
    const gateway = await testGateway();
    const preflight = (origin: string) =>
      gateway.request('/v1/chat/completions', {
        method: 'OPTIONS',
        headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'x-api-key' },
      });
    const allowed = await preflight('https://app.test');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.test');
    expect((await preflight('https://evil.test')).headers.get('access-control-allow-origin')).toBeNull();
  });
});

describe('what is logged', () => {
  it('is one line per request without key, query or assertion', async () => {
    const gateway = await testGateway();
    await gateway.request('/v1/models?secret=1', authorized);
    expect(gateway.logLines).toHaveLength(1);
    const assertion = gateway.sent[0]?.headers.get('x-gaia-assertion') ?? 'none';
    for (const secret of [key, 'secret=1', assertion]) expect(gateway.logLines[0]).not.toContain(secret);
    expect(JSON.parse(gateway.logLines[0] ?? '')).toMatchObject({ method: 'GET', path: '/v1/models', status: 200 });
  });
});
