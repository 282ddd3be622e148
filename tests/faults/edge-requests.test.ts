import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { knownKey, startHttp, startKnowingAuth } from '../support/edge-backends.ts';
import { rawRequest } from '../support/raw-http.ts';

const cleanUp = new AsyncDisposableStack();
let edge: Edge;
/** What the chat backend got, `METHOD target` each. */
let received: string[];

beforeAll(async () => {
  const auth = cleanUp.use(await startKnowingAuth());
  const chat = cleanUp.use(
    await startHttp((request, response) => {
      received.push(`${request.method} ${request.url}`);
      response.setHeader('content-encoding', 'gzip').end(gzipSync('Gaia'));
    }),
  );
  edge = cleanUp.use(await startEdge({ auth: auth.port, chat: chat.port, asset: chat.port }));
});
afterAll(() => cleanUp.disposeAsync());
beforeEach(() => {
  received = [];
});

type Sent = { host?: string; headers?: string; body?: string };

/** Gives the answer as it came, text and all. */
async function send(line: string, { host = 'a', headers = '', body = '' }: Sent = {}): Promise<string> {
  const head = `${line} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\nX-API-Key: ${knownKey}\r\n${headers}\r\n`;
  return (await rawRequest(edge.port, Buffer.from(head + body))).text;
}

const statusOf = (answer: string): number => Number(answer.slice('HTTP/1.1 '.length, 12));
const problemOf = (answer: string) => ProblemSchema.parse(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))));

describe('a path', () => {
  it.each([
    '/v1/models/../../internal/x',
    '/v1/models/..',
    '/v1/models/../x?a',
    '/v1/models/./x',
    '/v1/models/.',
    '/..',
    '/v1/models/%2e%2e/x',
    '/v1/models/.%2E/x',
    '/v1/models/%2e',
    '/v1/models/..%2fx',
    '//v1/models',
    '/v1/models//x',
    '/v1/models/..\\x',
    '/v1\\models',
    'http://a/v1/models/../x',
    'http://a/v1/models/%2e%2e',
  ])('that another layer could resolve differently is refused: %s', async (path) => {
    const answer = await send(`GET ${path}`);
    expect(statusOf(answer)).toBe(400);
    expect(problemOf(answer).code).toBe('invalid_request');
    expect(received).toEqual([]);
  });

  it.each([
    ['/v1/models/..x', '/v1/models/..x'],
    ['/v1/models/x../.y', '/v1/models/x../.y'],
    ['/v1/models/...', '/v1/models/...'],
    ['/v1/models?x=/../a//b', '/v1/models?x=/../a//b'],
    ['http://b/v1/models', '/v1/models'],
  ])('with dots that mean nothing passes as it is: %s', async (path, target) => {
    expect(statusOf(await send(`GET ${path}`))).toBe(200);
    expect(received).toEqual([`GET ${target}`]);
  });

  it('that begins with a dot by right passes', async () => {
    expect(statusOf(await send('GET /.well-known/jwks.json'))).toBe(200);
  });
});

describe('a request that only reads', () => {
  it.each(['GET', 'HEAD'])('may say that it has no body: %s', async (method) => {
    expect(statusOf(await send(`${method} /v1/models`, { headers: 'Content-Length: 0\r\n' }))).toBe(200);
    expect(received).toEqual([`${method} /v1/models`]);
  });

  it.each([
    ['Content-Length: 2', '{}'],
    ['Transfer-Encoding: chunked', '2\r\n{}\r\n0\r\n\r\n'],
  ])('may not have one, and is told so: %s', async (header, body) => {
    const sent = { headers: `${header}\r\n`, body };
    const answer = await send('GET /v1/models', sent);
    expect(statusOf(answer)).toBe(400);
    expect(problemOf(answer)).toMatchObject({ code: 'invalid_request', detail: 'A GET request may not have a body' });
    expect(statusOf(await send('HEAD /v1/models', sent))).toBe(400);
    expect(received).toEqual([]);
  });
});

describe('an unknown method', () => {
  it.each([
    ['/health', 'GET, HEAD'],
    ['/', 'GET, HEAD'],
    ['/v1/models', 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS'],
  ])('is told which ones %s takes', async (path, allowed) => {
    const answer = await send(`PROPFIND ${path}`);
    expect(statusOf(answer)).toBe(405);
    expect(/\r\nallow: (.*)\r\n/i.exec(answer)?.[1]).toBe(allowed);
  });
});

describe('a Host', () => {
  const none = `a/docs a#b a?b u:p@b a%2fb a\\b a,b é [::1 [] [::1]x [1:2] ::1
    a: a:0 a:65536 a:99999999 a:b [::1]: 1.2.3.256`;

  it.each(['a b', 'a\tb'].concat(none.split(/\s+/)))('that is none is refused: %s', async (host) => {
    const answer = await send('GET /v1/models', { host });
    expect(statusOf(answer)).toBe(400);
    expect(problemOf(answer).detail).toContain('Host');
    expect(received).toEqual([]);
  });

  it.each(['chat_service:8001', 'API.Example.com', 'example.', '127.0.0.1:8666', '[::1]', '[2001:db8::1]:65535'])(
    'that is one passes: %s',
    async (host) => expect(statusOf(await send('GET /v1/models', { host }))).toBe(200),
  );
});

describe('an answer in gzip', () => {
  it.each([
    ['gzip;q=0, *', false],
    ['*, gzip;q=0.0', false],
    ['*;q=0', false],
    ['identity', false],
    ['*', true],
    ['*;q=0, gzip;q=0.5', true],
  ])('reaches who sends Accept-Encoding: %s as such: %s', async (offered, isEncoded) => {
    const answer = await send('GET /v1/models', { headers: `Accept-Encoding: ${offered}\r\n` });
    expect(/content-encoding: gzip/i.test(answer)).toBe(isEncoded);
    expect(answer.endsWith('Gaia') || answer.includes('\r\nGaia\r\n')).toBe(!isEncoded);
  });
});
