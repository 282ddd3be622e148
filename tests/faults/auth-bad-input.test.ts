import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { contractsOf } from '#shared/contracts/registry.ts';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import { createApiKey, hashApiKey } from '#shared/identity/api-key.ts';
import { createAssertionSigner } from '#shared/identity/assertion-sign.ts';
import type { Principal } from '#shared/identity/principal.ts';
import { generateSigningKeys } from '../../ops/local/signing-key.ts';
import { generateTokenKeys } from '../../ops/local/token-keys.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { forgedTokens } from '../support/forged-tokens.ts';
import { queryRows } from '../support/postgres.ts';
import { chunkedBody, rawRequest } from '../support/raw-http.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

const KeySchema = z.object({ id: z.uuid(), user_id: z.uuid() });
/** The older system had one key for everything, in this variable. */
const globalKey = 'a-global-key-that-nobody-honours-any-more';
const tokenKeys = await generateTokenKeys();
const gateway = await generateSigningKeys();

let stack: TestStack;
let edge: Edge;
let key: z.infer<typeof KeySchema>;
let before: unknown;

beforeAll(async () => {
  const trust = { GATEWAY_PUBLIC_KEYS: gateway.publicKeys, API_KEY: globalKey };
  stack = await startTestStack({
    extraEnv: { auth: { ...trust, TOKEN_SIGNING_KEYS: tokenKeys }, chat: trust, asset: trust },
  });
  edge = await startEdge(
    { auth: portOf(stack.urls.auth), chat: portOf(stack.urls.chat), asset: portOf(stack.urls.asset) },
    {
      GATEWAY_SIGNING_KEY: gateway.privateKey,
      API_KEY: globalKey,
      ADDRESS_FLOOD_LIMIT: '100000',
      KEY_FLOOD_LIMIT: '100000',
    },
  );
  const [row] = await queryRows(stack.databaseUrl, 'select id, user_id from api_keys limit 1');
  key = KeySchema.parse(row);
  before = await state();
});
afterAll(async () => {
  await edge[Symbol.asyncDispose]();
  await stack.stop();
});

/** Every route of auth that takes a body, at every one of its paths. */
const routes = contractsOf('auth')
  .filter(({ access, body }) => access !== 'internal' && body.maxBytes > 0)
  .flatMap(({ method, paths, body }) => paths.map((path) => ({ method, path, maxBytes: body.maxBytes })));

const json = 'content-type: application/json\r\n';
type Case = [what: string, body: (maxBytes: number) => string | Buffer, status: number, contentType?: string];

const bodies: Case[] = [
  ['nothing', () => '', 400],
  ['half an object', () => '{"email":', 400],
  ['half a text', () => '{"email":"a', 400],
  ['two values', () => '{}{}', 400],
  ['UTF-16', () => Buffer.from('{"email":"a"}', 'utf16le'), 400],
  ['a byte order mark', () => '\ufeff{}', 400],
  ['bytes that are no UTF-8', () => Buffer.from('{"email":"\xff\xfe"}', 'latin1'), 400],
  ['a NUL', () => '{"email":"a\\u0000b"}', 400],
  ['a lone surrogate', () => '{"email":"\\ud800"}', 400],
  ['__proto__', () => '{"__proto__":{"scopes":["admin"]}}', 400],
  ['a key twice', () => '{"email":"a","email":"b"}', 400],
  ['a number without end', () => '{"email":1e999}', 400],
  ['lists of lists', (maxBytes) => '['.repeat(Math.min(maxBytes, 100_000)), 400],
  ['a hundred thousand lists', () => '['.repeat(100_000), 400],
  ['null', () => 'null', 422],
  ['a list', () => '[]', 422],
  ['a text', () => '"email"', 422],
  ['a number', () => '7', 422],
  ['a field nobody has', () => '{"is_admin":true}', 422],
  ['one byte more than may be', (maxBytes) => padded(maxBytes + 1), 413],
  ['no Content-Type', () => '{}', 415, ''],
  ['another Content-Type', () => '{}', 415, 'content-type: text/plain\r\n'],
  ['another charset', () => '{}', 415, 'content-type: application/json; charset=utf-16\r\n'],
  ['a form', () => 'email=a', 415, 'content-type: application/x-www-form-urlencoded\r\n'],
  ['a compressed body', () => '{}', 415, `${json}content-encoding: gzip\r\n`],
  ['two Content-Types', () => '{}', 415, `${json}${json}`],
];

describe('what no route of auth takes', () => {
  it.each(bodies)('%s', async (what, body, status, contentType = json) => {
    for (const { method, path, maxBytes } of routes) {
      // The least body that is too deep must also be too long for some routes.
      const wanted = what === 'a hundred thousand lists' && maxBytes < 100_000 ? 413 : status;
      const sent = Buffer.from(body(maxBytes));
      const declared = `content-length: ${sent.length}\r\n`;
      expect([path, await refusal(method, path, contentType + declared, sent)]).toEqual([path, wanted]);
      if (sent.length === 0) continue;
      const chunks = Buffer.concat([
        Buffer.from(`${sent.length.toString(16)}\r\n`),
        sent,
        Buffer.from('\r\n0\r\n\r\n'),
      ]);
      const chunked = await refusal(method, path, `${contentType}transfer-encoding: chunked\r\n`, chunks);
      expect([path, 'in chunks', chunked]).toEqual([path, 'in chunks', wanted]);
    }
  });

  it.each([
    ['two Authorizations', 'authorization: Bearer one\r\n', 400],
    ['two keys', 'x-api-key: one\r\nx-api-key: two\r\n', 400],
    ['two Hosts', 'host: b\r\n', 400],
    ['a header of 17 kB', `x-large: ${'x'.repeat(17_000)}\r\n`, 431],
    ['1,500 headers', Array.from({ length: 1_500 }, (_, index) => `x-${index}: b\r\n`).join(''), 431],
  ])('%s', async (_what, headers, wanted) => {
    for (const { method, path } of routes) {
      const status = await refusal(method, path, `${json}${headers}content-length: 2\r\n`, Buffer.from('{}'));
      expect([path, status]).toEqual([path, wanted]);
    }
  });

  // The platform's own parser refuses these, in its own words: docs/decisions/0010.
  it.each([
    ['a length and chunks', 'content-length: 2\r\ntransfer-encoding: chunked\r\n', '0\r\n\r\n'],
    ['two lengths', 'content-length: 2\r\ncontent-length: 3\r\n', '{}'],
    ['a header name with a space', 'x-user-id : 1\r\ncontent-length: 2\r\n', '{}'],
  ])('%s', async (_what, headers, body) => {
    for (const { method, path } of routes) {
      const request = { method: method.toUpperCase(), path: pathOf(path), body: Buffer.from(body) };
      const { status, count } = await ask({ ...request, headers: bearer(stack.key) + json + headers });
      expect([path, Math.floor(status / 100), count]).toEqual([path, 4, 1]);
    }
  });

  it('and after all of that nothing is other than before', async () => {
    expect(await state()).toEqual(before);
  });
});

describe('a bad token', () => {
  it('is refused by the gateway in the same words whatever is wrong, and worth nothing to validate', async () => {
    const { good, bad } = forgedTokens(tokenKeys, key.user_id);
    expect((await ask({ path: '/api/v1/auth/me', headers: bearer(good) })).status).toBe(200);
    expect(await validated({ token: good })).toMatchObject({ valid: true, user_id: key.user_id });
    for (const [what, token] of Object.entries({ ...bad, ...(await assertions()) })) {
      expect([what, await refusedWords(bearer(token))]).toEqual([what, refusedAlike]);
      expect([what, await refusedWords(`x-api-key: ${token}\r\n`)]).toEqual([what, refusedAlike]);
      const nothing = { valid: false, auth_type: 'jwt', user_id: null, error: 'Could not validate credentials' };
      expect([what, await validated({ token })]).toEqual([what, nothing]);
    }
  });

  it('is worth nothing at the backend itself either, and neither is a good one', async () => {
    const { good } = forgedTokens(tokenKeys, key.user_id);
    const { good: bad } = forgedTokens(await generateTokenKeys(), key.user_id);
    const port = portOf(stack.urls.auth);
    for (const header of [
      bearer(good),
      bearer(stack.key),
      `x-gaia-assertion: ${good}\r\n`,
      `x-gaia-assertion: ${bad}\r\n`,
    ]) {
      for (const path of ['/api/v1/auth/me', '/internal/revocations']) {
        expect((await ask({ path, headers: header, port })).status).toBe(401);
      }
    }
  });
});

describe('a bad key', () => {
  it('is refused in the same words whatever is wrong, and worth nothing to validate', async () => {
    const { key: unknown } = await createApiKey('dev');
    const good = stack.key;
    const bad = {
      'its hash': await hashApiKey(good),
      'of another environment': good.replace('_dev_', '_live_'),
      'in capitals': good.toUpperCase(),
      'a wrong checksum': `${good.slice(0, -1)}${good.endsWith('A') ? 'B' : 'A'}`,
      truncated: good.slice(0, -1),
      'with something after it': `${good}A`,
      'its start only': good.slice(0, 21),
      unknown,
      'the global one of the older system': globalKey,
    };
    expect(await validated({ api_key: good })).toMatchObject({ valid: true, auth_type: 'api_key' });
    for (const [what, shown] of Object.entries(bad)) {
      expect([what, await refusedWords(`x-api-key: ${shown}\r\n`)]).toEqual([what, refusedAlike]);
      expect([what, await refusedWords(bearer(shown))]).toEqual([what, refusedAlike]);
      expect([what, await validated({ api_key: shown })]).toMatchObject([what, { valid: false, user_id: null }]);
    }
  });
});

const refusedAlike = { status: 401, code: 'unauthenticated', detail: 'Could not validate credentials' };

async function assertions(): Promise<Record<string, string>> {
  const sign = createAssertionSigner(z.looseObject({ kty: z.string() }).parse(JSON.parse(gateway.privateKey)));
  const user: Principal = { kind: 'user', userId: key.user_id, keyId: null, scopes: ['admin'], limits: {} };
  return {
    'an assertion': await sign(user, 'auth'),
    'an assertion of the gateway': await sign({ kind: 'gateway' }, 'auth'),
  };
}

async function refusedWords(credential: string): Promise<object> {
  const { status, body } = await ask({ path: '/api/v1/auth/me', headers: credential });
  const { code, detail } = ProblemSchema.parse(JSON.parse(body));
  return { status, code, detail };
}

async function validated(shown: object): Promise<unknown> {
  const text = JSON.stringify(shown);
  const headers = `${json}content-length: ${Buffer.byteLength(text)}\r\n`;
  const { status, body } = await ask({
    method: 'POST',
    path: '/api/v0.3/auth/validate',
    headers,
    body: Buffer.from(text),
  });
  expect(status).toBe(200);
  return JSON.parse(body);
}

async function state(): Promise<unknown> {
  const tables = ['users', 'api_keys', 'sessions', 'credentials', 'revocations', 'audit_log', 'attempts'];
  // When a key was used last is the one thing that a refused request may tell.
  return await Promise.all(
    tables.map((table) =>
      queryRows(stack.databaseUrl, `select to_jsonb(t) - 'last_used_at' as row from ${table} t order by 1`),
    ),
  );
}

/** The status of an answer that must be a refusal in the one error shape, and the only answer. */
async function refusal(method: string, path: string, headers: string, body: Uint8Array): Promise<number> {
  const request = { method: method.toUpperCase(), path: pathOf(path), headers: bearer(stack.key) + headers, body };
  const answer = await ask(request);
  const problem = ProblemSchema.parse(JSON.parse(answer.body));
  expect([problem.status, answer.count]).toEqual([answer.status, 1]);
  expect(answer.body).not.toContain(stack.key);
  return answer.status;
}

type Request = { method?: string; path: string; headers?: string; body?: Uint8Array; port?: number };

async function ask({ method = 'GET', path, headers = '', body = new Uint8Array(), port = edge.port }: Request) {
  const head = Buffer.from(`${method} ${path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n${headers}\r\n`, 'latin1');
  const { text } = await rawRequest(port, Buffer.concat([head, body]), 10_000);
  const isChunked = /^transfer-encoding: chunked/im.test(text.slice(0, text.indexOf('\r\n\r\n')));
  return {
    status: Number(text.slice(9, 12)),
    count: text.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0,
    body: isChunked ? chunkedBody(text).body : text.slice(text.indexOf('\r\n\r\n') + 4),
  };
}

function pathOf(path: string): string {
  return path.replace('{id}', path.includes('users') ? key.user_id : key.id);
}

function bearer(token: string): string {
  return `authorization: Bearer ${token}\r\n`;
}

function padded(length: number): string {
  return `{}${' '.repeat(length - 2)}`;
}

function portOf(url: string): number {
  return Number(new URL(url).port);
}
