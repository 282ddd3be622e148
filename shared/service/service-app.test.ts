import { connect } from 'node:net';
import { z } from '@hono/zod-openapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contract, noBody, noQuery } from '../contracts/contract.ts';
import { ProblemSchema } from '../contracts/problem-schema.ts';
import { contractVersion } from '../contract-version.ts';
import type { Principal } from '../identity/principal.ts';
import { createLogger } from '../log.ts';
import { createServiceApp } from './create-service-app.ts';
import { eventStreamSink, sendBytes } from './direct-answer.ts';
import { createHealthReporter } from './health.ts';
import { mount, userOf } from './mount.ts';
import { serve, type Listening } from './serve.ts';

const echo = contract({
  ...noQuery,
  operation: 'echo',
  service: 'chat',
  method: 'post',
  paths: ['/v1/echo/{id}', '/api/v1/echo/{id}'],
  access: 'chat:write',
  tag: 'Test',
  summary: 'Echo',
  body: { schema: z.object({ text: z.string() }), maxBytes: 64 },
  answers: { 200: { description: 'The text' } },
});
const read = contract({
  ...echo,
  ...noBody,
  operation: 'read',
  method: 'get',
  paths: ['/v1/echo/{id}'],
  access: 'public',
});

const poke = contract({
  ...echo,
  operation: 'poke',
  paths: ['/v1/poke'],
  body: { schema: z.strictObject({ times: z.int().default(1) }), maxBytes: 64, optional: true },
});

const principals: Record<string, Principal> = {
  writer: { kind: 'user', userId: 'u1', keyId: 'k1', scopes: ['chat:write'], limits: {} },
  reader: { kind: 'user', userId: 'u2', keyId: 'k2', scopes: ['chat:read'], limits: {} },
  nobody: { kind: 'anonymous' },
};

const health = createHealthReporter({
  environment: 'local',
  pingDatabase: async () => undefined,
  natsStatus: () => 'disabled',
});
const logLines: string[] = [];
const app = createServiceApp({
  service: 'chat',
  log: createLogger({ service: 'chat', level: 'info', write: (line) => logLines.push(line) }),
  build: { version: '1.0.0', commit: 'abc', contract: contractVersion },
  health,
  verifyAssertion: async (token) => principals[token] ?? null,
  contracts: [echo, read, poke],
});
mount(app, echo, ({ c, body }) => c.json({ text: body.text, user: userOf(c).userId }));
const ownPolicy = { ratelimit: '"tpm";r=7;t=9' };
mount(app, read, ({ c }) => {
  const id = c.req.param('id');
  if (id === 'bytes') return sendBytes(c, Buffer.from('{}'), 'application/json', ownPolicy);
  if (id !== 'stream') return c.json({ id }, 200, ownPolicy);
  const sink = eventStreamSink(c);
  sink.setHeaders(ownPolicy);
  sink.open();
  sink.writable.end();
  return sink.response();
});

mount(app, poke, ({ c, body }) => c.json(body));

let server: Listening;
beforeAll(async () => {
  server = await serve({
    app,
    host: '127.0.0.1',
    port: 0,
    log: createLogger({ service: 'chat', level: 'error', write: () => undefined }),
  });
});
afterAll(() => server.close(0));

const asWriter = `x-gaia-assertion: writer\r\nx-gaia-contract: ${contractVersion}\r\n`;
const json = 'content-type: application/json\r\n';

describe('what the gateway dictates', () => {
  const dictated =
    'server-timing: edge;dur=1, auth;dur=2\r\nratelimit: "rpm";r=1;t=2\r\nratelimit-policy: "rpm";q=3;w=60\r\n';
  const ask = (headers: string, id = '1'): string =>
    `GET /v1/echo/${id} HTTP/1.1\r\nHost: a\r\n${headers}${dictated}\r\n`;
  const anyone = `x-gaia-assertion: nobody\r\nx-gaia-contract: ${contractVersion}\r\n`;

  // Answered by Hono, and by the two ways past it: an answer that lacks any of these costs the gateway a third more.
  it.each(['1', 'bytes', 'stream'])(
    'stands on the answer %s, before what the backend itself has to say',
    async (id) => {
      const { headers } = await raw(ask(anyone, id));
      expect(headers).toMatch(/^server-timing: edge;dur=1, auth;dur=2, upstream;dur=\d+\r?$/im);
      expect(headers).toMatch(/^ratelimit: "rpm";r=1;t=2, "tpm";r=7;t=9\r?$/im);
      expect(headers).toMatch(/^ratelimit-policy: "rpm";q=3;w=60\r?$/im);
    },
  );

  it('is heard from nobody else', async () => {
    const { status, headers } = await raw(ask(''));
    expect(status).toBe(401);
    expect(headers).not.toMatch(/^(?:server-timing|ratelimit)/im);
  });
});

describe('a request that Node or the frame must refuse', () => {
  it.each([
    ['garbage instead of HTTP', 'hello\r\n\r\n', 400],
    ['an unknown method', 'BREW / HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    [
      'a length and chunks together',
      `POST /v1/echo/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`,
      400,
    ],
    ['two lengths', `POST /v1/echo/1 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 400],
    [
      'a bad chunk size',
      `POST /v1/echo/1 HTTP/1.1\r\nHost: a\r\n${asWriter}${json}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      400,
    ],
    ['no Host', `GET /health HTTP/1.1\r\n\r\n`, 400],
    ['two Hosts', 'GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400],
    ['a Host that is none', 'GET /health HTTP/1.1\r\nHost: a b/c\r\n\r\n', 400],
    ['two Authorizations', `GET /v1/echo/1 HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nAuthorization: y\r\n\r\n`, 400],
    ['two assertions', `GET /v1/echo/1 HTTP/1.1\r\nHost: a\r\n${asWriter}${asWriter}\r\n`, 400],
    [
      'two Content-Types',
      `POST /v1/echo/1 HTTP/1.1\r\nHost: a\r\n${asWriter}${json}${json}Content-Length: 2\r\n\r\n{}`,
      400,
    ],
    ['a header of 17 kB', `GET /health HTTP/1.1\r\nHost: a\r\nx-large: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
    ['1,500 headers', `GET /health HTTP/1.1\r\nHost: a\r\n${'a:b\r\n'.repeat(1_500)}\r\n`, 431],
    ['a URL of 16 kB', `GET /health?${'q'.repeat(16_400)} HTTP/1.1\r\nHost: a\r\n\r\n`, 431],
    ['a header name with a space', 'GET /health HTTP/1.1\r\nHost: a\r\nX-User-Id : 1\r\n\r\n', 400],
    ['a folded header', 'GET /health HTTP/1.1\r\nHost: a\r\nX-A: 1\r\n  2\r\n\r\n', 400],
    ['a NUL in a header', 'GET /health HTTP/1.1\r\nHost: a\r\nX-A: 1\u00002\r\n\r\n', 400],
    ['an absolute URL of another scheme', 'GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['a backslash in the path', 'GET /v1\\echo HTTP/1.1\r\nHost: a\r\n\r\n', 400],
    ['an expectation nobody meets', `POST /v1/echo/1 HTTP/1.1\r\nHost: a\r\nExpect: cake\r\n\r\n`, 417],
    ['CONNECT', 'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n', 405],
    ['a body one byte over the limit, declared', post('x'.repeat(54)), 413],
    ['a body one byte over the limit, in chunks', postChunked('x'.repeat(54)), 413],
    ['no Content-Type', `POST /v1/echo/1 HTTP/1.1\r\nHost: a\r\n${asWriter}Content-Length: 2\r\n\r\n{}`, 415],
    ['another Content-Type', post('x').replace('application/json', 'text/plain'), 415],
    ['another charset', post('x').replace('application/json', 'application/json; charset=utf-16'), 415],
    ['a compressed body', post('x').replace(json, `${json}content-encoding: gzip\r\n`), 415],
    ['an empty body', `POST /v1/echo/1 HTTP/1.1\r\nHost: a\r\n${asWriter}${json}Content-Length: 0\r\n\r\n`, 400],
    ['null', postBody('null'), 422],
    ['an array', postBody('[]'), 422],
    ['a scalar', postBody('1'), 422],
    ['a missing field', postBody('{}'), 422],
    ['a field of another type', postBody('{"text":1}'), 422],
    ['a path nobody serves', `GET /v1/nothing HTTP/1.1\r\nHost: a\r\n${asWriter}\r\n`, 404],
    ['a method the path does not take', `DELETE /v1/echo/1 HTTP/1.1\r\nHost: a\r\n${asWriter}\r\n`, 405],
    ['no assertion', 'GET /v1/echo/1 HTTP/1.1\r\nHost: a\r\n\r\n', 401],
    ['no assertion, at a path nobody serves', 'GET /v1/nothing HTTP/1.1\r\nHost: a\r\n\r\n', 401],
    ['an assertion that is none', 'GET /v1/echo/1 HTTP/1.1\r\nHost: a\r\nx-gaia-assertion: forged\r\n\r\n', 401],
    [
      'a gateway two contracts away',
      `GET /v1/echo/1 HTTP/1.1\r\nHost: a\r\nx-gaia-assertion: nobody\r\nx-gaia-contract: ${contractVersion + 2}\r\n\r\n`,
      503,
    ],
    ['a caller without the scope', post('x').replace('assertion: writer', 'assertion: reader'), 403],
    ['an anonymous caller of a route with a scope', post('x').replace('assertion: writer', 'assertion: nobody'), 403],
  ])('%s: %#', async (_what, request, status) => {
    const answer = await raw(request);
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatch(/content-type: application\/problem\+json/i);
    expect(answer.headers).toMatch(/x-request-id: req_/i);
    expect(answer.headers).toMatch(/cache-control: no-store/i);
    expect(ProblemSchema.parse(JSON.parse(answer.body)).status).toBe(status);
  });
});

describe('a request that is served', () => {
  it('reaches the handler with its validated body, at every path of the contract', async () => {
    for (const path of ['/v1/echo/1', '/api/v1/echo/1']) {
      const answer = await raw(post('hi').replace('/v1/echo/1', path));
      expect([answer.status, JSON.parse(answer.body)]).toEqual([200, { text: 'hi', user: 'u1' }]);
    }
  });

  it('may have a body of exactly the limit, declared or in chunks', async () => {
    for (const request of [post('x'.repeat(53)), postChunked('x'.repeat(53))])
      expect((await raw(request)).status).toBe(200);
  });

  it('may leave out a body of which every field may be left out, and nothing else of it', async () => {
    const start = `POST /v1/poke HTTP/1.1\r\nHost: a\r\n${asWriter}`;
    for (const nothing of ['', 'Content-Length: 0\r\n', 'Transfer-Encoding: chunked\r\n']) {
      const answer = await raw(`${start}${nothing}\r\n${nothing.startsWith('Transfer') ? '0\r\n\r\n' : ''}`);
      expect([answer.status, answer.body]).toEqual([200, '{"times":1}']);
    }
    for (const [rest, status] of [
      [`Content-Length: 2\r\n\r\n{}`, 415],
      [`Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`, 415],
      [`${json}Content-Length: 0\r\n\r\n`, 400],
      [`${json}Content-Length: 12\r\n\r\n{"times":[]}`, 422],
    ] as const) {
      expect((await raw(start + rest)).status).toBe(status);
    }
  });

  it('needs no assertion for health, readiness and version', async () => {
    for (const path of ['/health', '/ready', '/version']) {
      expect((await raw(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)).status).toBe(200);
    }
  });

  it('says which methods a path takes', async () => {
    const { headers } = await raw(`PUT /v1/echo/1 HTTP/1.1\r\nHost: a\r\n${asWriter}\r\n`);
    expect(headers).toMatch(/allow: POST, GET, HEAD/i);
  });

  it('leaves one log line without query, body or credential', async () => {
    logLines.length = 0;
    await raw(post('hush').replace('/v1/echo/1', '/v1/echo/1?q=hush'));
    expect(logLines).toHaveLength(1);
    expect(logLines[0]).not.toMatch(/hush|writer/);
  });
});

function post(text: string): string {
  return postBody(JSON.stringify({ text }));
}

function postBody(body: string): string {
  return `POST /v1/echo/1 HTTP/1.1\r\nHost: a\r\n${asWriter}${json}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function postChunked(text: string): string {
  const body = JSON.stringify({ text });
  const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  return `POST /v1/echo/1 HTTP/1.1\r\nHost: a\r\n${asWriter}${json}Transfer-Encoding: chunked\r\n\r\n${chunks}`;
}

/** Sends bytes as they are and reads one answer, by its Content-Length. */
function raw(request: string): Promise<{ status: number; headers: string; body: string }> {
  return new Promise((resolve, reject) => {
    const socket = connect(server.port, '127.0.0.1', () => socket.write(request));
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1]);
      if (end === -1 || Buffer.byteLength(text.slice(end + 4)) < length) return;
      socket.destroy();
      resolve({ status: Number(text.slice(9, 12)), headers: text.slice(0, end), body: text.slice(end + 4) });
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`closed after ${JSON.stringify(text)}`)));
  });
}
