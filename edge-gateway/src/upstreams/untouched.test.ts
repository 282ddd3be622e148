import { createApiKey } from '#shared/identity/api-key.ts';
import { env } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import { aUser, testGateway, type TestGatewayOptions } from '../test-gateway.ts';

const { key } = await createApiKey('dev');

/** What our backends put on every answer: what the request dictates, and what all answers have. */
function completeHeaders(request: Request): Record<string, string> {
  const dictated = ['ratelimit', 'ratelimit-policy'].map((name) => [name, request.headers.get(name)] as const);
  return {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': request.headers.get('x-request-id') ?? '',
    'server-timing': `${request.headers.get('server-timing')}, upstream;dur=3`,
    'content-type': 'application/json',
    date: 'Sat, 21 Nov 2026 12:00:00 GMT',
    ...Object.fromEntries(dictated.flatMap(([name, value]) => (value === null ? [] : [[name, value]]))),
  };
}

type Exchange = { answer: Response; made: Response | undefined };

/** One request to a backend whose answer is complete but for `change`. */
async function exchange(
  change: (headers: Headers) => void,
  init: { method?: string; headers?: Record<string, string> } = {},
  options: TestGatewayOptions = {},
): Promise<Exchange> {
  let made: Response | undefined;
  const gateway = await testGateway({
    answer: (request) => {
      const headers = new Headers(completeHeaders(request));
      change(headers);
      made = new Response(request.method === 'HEAD' ? null : '{}', { headers, encodeBody: 'manual' });
      return made;
    },
    ...options,
  });
  const answer = await gateway.request('/v1/models', { ...init, headers: { 'x-api-key': key, ...init.headers } });
  return { answer, made };
}

const limited = {
  find: async () => ({ ...aUser, principal: { ...aUser.principal, keyId: crypto.randomUUID(), limits: { rpm: 9 } } }),
  bindings: env,
};

describe('an answer that says all that we would', () => {
  it('goes to the client as the object that came, unread and uncopied', async () => {
    const { answer, made } = await exchange(() => undefined);
    expect(answer).toBe(made);
    expect(answer.headers.get('server-timing')).toMatch(/^edge;dur=\d+, auth;dur=\d+, upstream;dur=3$/);
  });

  it('goes so to the holder of a limited key too, who reads there where the limit stands', async () => {
    const { answer, made } = await exchange(() => undefined, {}, limited);
    expect(answer).toBe(made);
    expect(answer.headers.get('ratelimit')).toBe('"rpm";r=8;t=60');
    expect(answer.headers.get('ratelimit-policy')).toBe('"rpm";q=9;w=60');
  });

  it('may name policies of the backend after ours', async () => {
    const { answer, made } = await exchange((headers) => headers.append('ratelimit', '"tpm";r=1;t=2'), {}, limited);
    expect(answer).toBe(made);
    expect(answer.headers.get('ratelimit')).toBe('"rpm";r=8;t=60, "tpm";r=1;t=2');
  });
});

describe('an answer that does not', () => {
  it.each([
    ['a cookie', (headers: Headers) => headers.set('set-cookie', 'a=b')],
    ['an order to the proxy before it', (headers: Headers) => headers.set('fly-replay', 'app=evil')],
    ['an internal redirect', (headers: Headers) => headers.set('x-accel-redirect', '/secret')],
    ['permission for an origin', (headers: Headers) => headers.set('access-control-allow-origin', '*')],
    ['a header nobody knows', (headers: Headers) => headers.set('x-unknown', '1')],
    ['a name for the server', (headers: Headers) => headers.set('server', 's')],
    ['an assertion', (headers: Headers) => headers.set('x-gaia-assertion', 'a')],
    ['leave to cache it', (headers: Headers) => headers.set('cache-control', 'public, max-age=60')],
    ['leave to cache it, among other things', (headers: Headers) => headers.append('cache-control', 'public')],
    ['no word on caching', (headers: Headers) => headers.delete('cache-control')],
    ['no word on sniffing', (headers: Headers) => headers.delete('x-content-type-options')],
    ["another request's id", (headers: Headers) => headers.set('x-request-id', 'another-request')],
    ['two ids', (headers: Headers) => headers.append('x-request-id', 'another-request')],
    ['no id', (headers: Headers) => headers.delete('x-request-id')],
    ['no times', (headers: Headers) => headers.delete('server-timing')],
    ['times of its own', (headers: Headers) => headers.set('server-timing', 'db;dur=1')],
    ['more times than asked for', (headers: Headers) => headers.append('server-timing', 'db;desc="secret"')],
  ])('is made anew: %s', async (_what, change) => {
    const { answer, made } = await exchange(change, { headers: { 'x-request-id': 'my-request-1' } });
    expect(answer).not.toBe(made);
    const { headers } = answer;
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('x-request-id')).toBe('my-request-1');
    expect(headers.get('server-timing')).toMatch(/^edge;dur=\d+, auth;dur=\d+, upstream;dur=\d+$/);
    for (const name of ['set-cookie', 'fly-replay', 'x-accel-redirect', 'access-control-allow-origin', 'x-unknown'])
      expect(headers.get(name)).toBeNull();
    expect([headers.get('server'), headers.get('x-gaia-assertion')]).toEqual([null, null]);
  });

  it.each([
    ['says nothing of the limit', (headers: Headers) => headers.delete('ratelimit')],
    ['names no policy', (headers: Headers) => headers.delete('ratelimit-policy')],
    ['says more is left', (headers: Headers) => headers.set('ratelimit', '"rpm";r=80;t=60')],
  ])('is made anew for a limited key when it %s', async (_what, change) => {
    const { answer, made } = await exchange(change, {}, limited);
    expect(answer).not.toBe(made);
    expect(answer.headers.get('ratelimit')).toMatch(/^"rpm";r=8;t=60(?:, "rpm";r=80;t=60)?$/);
    expect(answer.headers.get('ratelimit-policy')).toBe('"rpm";q=9;w=60');
  });

  it('is made anew for a browser, with what browsers need, and says the limit once', async () => {
    const { answer, made } = await exchange(() => undefined, { headers: { origin: 'https://app.test' } }, limited);
    expect(answer).not.toBe(made);
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://app.test');
    expect(answer.headers.get('vary')).toBe('Origin');
    expect(answer.headers.get('ratelimit')).toBe('"rpm";r=8;t=60');
  });

  it('is made anew for HEAD and for one in a coding the client may not know', async () => {
    const head = await exchange(() => undefined, { method: 'HEAD' });
    expect(head.answer).not.toBe(head.made);
    const coded = await exchange((headers) => headers.set('content-encoding', 'br'));
    expect(coded.answer).not.toBe(coded.made);
    expect(coded.answer.headers.get('content-encoding')).toBeNull();
  });
});
