import type { IncomingMessage } from 'node:http';
import { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contractVersion } from '#shared/contract-version.ts';
import { ProblemSchema } from '#shared/contracts/problem-schema.ts';
import { createAssertionVerifier } from '#shared/identity/assertion-verify.ts';
import { onError } from '#shared/http/on-error.ts';
import { frame } from '#shared/service/frame.ts';
import { authenticate } from '#shared/service/authenticate.ts';
import { serve } from '#shared/service/serve.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { startEdge, type Edge } from '../support/edge.ts';
import { answerHealth, knownKey, startHttp, startKnowingAuth } from '../support/edge-backends.ts';
import { rawRequest } from '../support/raw-http.ts';
import { silentLog } from '../support/silent-log.ts';

const cleanUp = new AsyncDisposableStack();
let edge: Edge;
let received: IncomingMessage[];
/** How many contract versions the chat backend is ahead of the gateway, and its clock, in seconds. */
let skew: { contracts: number; seconds: number };

beforeAll(async () => {
  received = [];
  const auth = cleanUp.use(await startKnowingAuth());
  const asset = cleanUp.use(
    await startHttp((request, response) => {
      received.push(request);
      answerHealth(request, response);
    }),
  );
  const app = new Hono<ServiceEnv>();
  const chat = await serve({ app, host: '127.0.0.1', port: 0, log: silentLog });
  cleanUp.defer(() => chat.close(0));
  edge = cleanUp.use(await startEdge({ auth: auth.port, chat: chat.port, asset: asset.port }));
  skewedBackend(app);
});
afterAll(() => cleanUp.disposeAsync());

/** The frame of a real backend. A gateway of another version is one whose number is read as another. */
function skewedBackend(app: Hono<ServiceEnv>): void {
  const verify = createAssertionVerifier(edge.publicKeys, 'chat', () => Date.now() + skew.seconds * 1_000);
  const inner = new Hono<ServiceEnv>();
  inner.onError(onError(silentLog));
  inner.use(frame(silentLog));
  inner.use(authenticate(verify));
  inner.all('*', (c) => c.json(c.get('principal')));
  app.all('*', async (c) => {
    const headers = new Headers(c.req.raw.headers);
    headers.set('x-gaia-contract', String(Number(headers.get('x-gaia-contract')) - skew.contracts));
    return await inner.request(c.req.path, { headers });
  });
}

const names =
  `x-user-id x-userid x-user x-user-email x-user-role x-user-scopes x-roles x-admin x-tenant-id x-org-id x-account-id
  x-auth-user x-auth-user-id x-auth-request-user x-authenticated-user x-authenticated-userid x-remote-user remote-user
  x-forwarded-user x-forwarded-email x-forwarded-for x-forwarded-host x-forwarded-proto forwarded x-real-ip
  x-client-ip true-client-ip cf-connecting-ip fly-client-ip x-original-url x-rewrite-url x-http-method-override
  x-key-id x-api-key-id x-consumer-id x-scopes x-gaia-assertion x-gaia-contract x-gaia-user-id x-gaia-hop via cookie`
    .split(/\s+/)
    .filter(Boolean);

/** A 400 is workerd's: that spelling is no HTTP, and the gateway never sees it. */
const spellings: readonly (readonly [string, 200 | 400, (name: string) => string])[] = [
  ['as it is', 200, (name) => `${name}: smuggled`],
  ['in capitals', 200, (name) => `${name.toUpperCase()}: smuggled`],
  ['in mixed case', 200, (name) => `${name.replaceAll(/\b./g, (first) => first.toUpperCase())}: smuggled`],
  ['with underscores', 200, (name) => `${name.replaceAll('-', '_')}: smuggled`],
  ['with a space at the end', 400, (name) => `${name} : smuggled`],
  ['with a space at the start', 400, (name) => ` ${name}: smuggled`],
  ['with a tab at the end', 400, (name) => `${name}\t: smuggled`],
  ['with a zero byte', 400, (name) => `${name}\0: smuggled`],
  ['twice', 200, (name) => `${name}: smuggled\r\n${name}: smuggled`],
  ['folded into another', 400, (name) => `X-Fold: a\r\n ${name}: smuggled`],
  ['behind a bare line feed', 200, (name) => `X-Feed: a\n${name}: smuggled`],
  ['behind a bare carriage return', 400, (name) => `X-Return: a\r${name}: smuggled`],
];

describe('what a client says about its identity', () => {
  it('is tried with at least forty names', () => expect(new Set(names).size).toBeGreaterThanOrEqual(40));

  it.each(spellings)('reaches no backend %s', async (_how, status, spell) => {
    received = [];
    const answers = await Promise.all(
      names.map(
        async (name) =>
          await rawRequest(
            edge.port,
            `GET /v1/images/x HTTP/1.1\r\nHost: a\r\nX-API-Key: ${knownKey}\r\nPrefer: seen\r\n${spell(name)}\r\nConnection: close\r\n\r\n`,
          ),
      ),
    );
    const statuses = new Set(answers.map(({ text }) => /^HTTP\/1\.1 (\d+)/.exec(text)?.[1]));
    expect([...statuses]).toEqual([String(status)]);
    expect(received).toHaveLength(status === 200 ? names.length : 0);
    const verify = createAssertionVerifier(edge.publicKeys, 'asset');
    for (const { rawHeaders, headers } of received) {
      expect(rawHeaders.join('\n')).not.toContain('smuggled');
      expect(headers['prefer']).toBe('seen');
      expect(headers['x-gaia-contract']).toBe(String(contractVersion));
      expect(await verify(String(headers['x-gaia-assertion']))).toMatchObject({ userId: 'user-1' });
    }
  });

  it('is heard of by the backend in no other header than those on the list', async () => {
    received = [];
    await fetch(`${edge.url}/v1/images/x`, { headers: { 'x-api-key': knownKey, 'x-custom': '1' } });
    const allowed = `accept accept-encoding accept-language connection host traceparent user-agent
      server-timing x-gaia-assertion x-gaia-client-address x-gaia-contract x-request-id`.split(/\s+/);
    expect(Object.keys(received[0]?.headers ?? {}).filter((name) => !allowed.includes(name))).toEqual([]);
  });
});

describe('skew', () => {
  const ask = async (): Promise<Response> =>
    await fetch(`${edge.url}/v1/models`, { headers: { 'x-api-key': knownKey } });

  it.each([30, -30])('of clocks by %i seconds works', async (seconds) => {
    skew = { contracts: 0, seconds };
    const answer = await ask();
    expect(await answer.json()).toMatchObject({ userId: 'user-1' });
  });

  it('of clocks by five minutes does not, so that an old assertion is worth nothing', async () => {
    skew = { contracts: 0, seconds: 300 };
    expect((await ask()).status).toBe(401);
  });

  it.each([1, -1])('by %i contract version works', async (contracts) => {
    skew = { contracts, seconds: 0 };
    expect((await ask()).status).toBe(200);
  });

  it.each([2, -2])('by %i contract versions is a 503 that names both', async (contracts) => {
    skew = { contracts, seconds: 0 };
    const answer = await ask();
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    const problem = ProblemSchema.parse(await answer.json());
    expect(problem.code).toBe('version_skew');
    expect(problem.detail).toContain(String(contractVersion - contracts));
    expect(problem.detail).toContain(`this backend ${contractVersion}`);
  });
});

describe('a trace', () => {
  const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const passedOn = async (headers: Record<string, string>): Promise<IncomingMessage['headers']> => {
    received = [];
    await fetch(`${edge.url}/v1/images/x`, { headers: { 'x-api-key': knownKey, ...headers } });
    return received[0]?.headers ?? {};
  };

  it('that is well-formed is passed on with its state', async () => {
    expect(await passedOn({ traceparent: trace, tracestate: 'a=b' })).toMatchObject({
      traceparent: trace,
      tracestate: 'a=b',
    });
  });

  it.each([
    ['absent', {}],
    ['garbage', { traceparent: 'garbage' }],
    ['all zeros', { traceparent: `00-${'0'.repeat(32)}-${'0'.repeat(16)}-01` }],
    ['of an unknown version', { traceparent: trace.replace('00-', 'ff-') }],
  ])('that is %s is begun here, and its state forgotten', async (_what, offered) => {
    const headers = await passedOn({ ...offered, tracestate: 'a=b' });
    expect(headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(headers['traceparent']).not.toContain('0'.repeat(16));
    expect(headers['tracestate']).toBeUndefined();
  });
});
