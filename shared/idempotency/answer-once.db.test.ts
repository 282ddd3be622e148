import { randomUUID } from 'node:crypto';
import type { Hono } from 'hono';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../tests/support/postgres.ts';
import { silentLog } from '../../tests/support/silent-log.ts';
import { contractVersion } from '../contract-version.ts';
import { connect } from '../db/connect.ts';
import { createNotices } from '../db/notices.ts';
import { AppError } from '../http/error.ts';
import { createServiceApp } from '../service/create-service-app.ts';
import { clientLeft, sendBytes } from '../service/direct-answer.ts';
import { createHealthReporter } from '../service/health.ts';
import { serve } from '../service/serve.ts';
import type { ServiceEnv } from '../service/service-env.ts';
import { answerOnce, streamOnce } from './answer-once.ts';
import { createIdempotencyStore, endsChannel } from './idempotency-store.ts';
import { createIdempotency, type Idempotency } from './idempotency.ts';
import type { OnceSink } from './recorded-sink.ts';

const cleanUp = new AsyncDisposableStack();
let database: TestDatabase;
let idempotency: Idempotency;
let origin: string;
let effects: number;
/** What the routes below do. */
let work: () => Promise<Buffer>;
let write: (sink: OnceSink, signal: AbortSignal) => void;

beforeAll(async () => {
  database = await createTestDatabase();
  cleanUp.defer(() => database.drop());
  const connection = connect({ url: database.url, poolSize: 5, log: silentLog });
  cleanUp.defer(() => connection.close());
  const notices = createNotices({ url: database.url, channel: endsChannel, log: silentLog });
  const store = createIdempotencyStore({ db: connection.db });
  idempotency = createIdempotency({ store, notices, log: silentLog, waitMs: 15_000, maxAnswerBytes: 1_000_000 });
  cleanUp.defer(() => idempotency.close());
  const server = await serve({ app: createApp(), host: '127.0.0.1', port: 0, log: silentLog });
  cleanUp.defer(() => server.close(0));
  origin = `http://127.0.0.1:${server.port}`;
});
afterAll(() => cleanUp.disposeAsync());

describe('an answer', () => {
  it('is sent again byte by byte, and says that it is a replay; the limits of the first are not repeated', async () => {
    effects = 0;
    work = async () => Buffer.from('{"a":"\u00e4"}');
    const headers = keyed();
    const answers = [await post('/unary', { headers }), await post('/unary', { headers })];
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(texts).toEqual(['{"a":"ä"}', '{"a":"ä"}']);
    expect(answers.map((answer) => [answer.status, answer.headers.get('content-type')])).toEqual([
      [200, 'application/json'],
      [200, 'application/json'],
    ]);
    expect(answers.map(({ headers }) => headers.get('idempotency-replayed'))).toEqual([null, 'true']);
    expect(answers.map(({ headers }) => headers.get('ratelimit'))).toEqual(['live', null]);
    expect(effects).toBe(1);
  });

  it('without a key is made anew each time, and no database is asked', async () => {
    effects = 0;
    work = async () => Buffer.from('{}');
    for (const _ of [1, 2])
      expect((await post('/unprotected', { headers: caller() })).headers.get('idempotency-replayed')).toBeNull();
    expect(effects).toBe(2);
  });

  it('is not kept where the work failed, so that the next may succeed', async () => {
    const headers = keyed();
    work = async () => {
      throw new AppError('upstream_failed', 'no');
    };
    expect((await post('/unary', { headers })).status).toBe(502);
    work = async () => Buffer.from('{}');
    const answer = await post('/unary', { headers });
    expect([answer.status, answer.headers.get('idempotency-replayed')]).toEqual([200, null]);
  });

  it('is 422 for a key that is not printable or empty', async () => {
    for (const key of ['', 'ü', 'x'.repeat(256)]) {
      const answer = await post('/unary', { headers: { ...keyed(), 'idempotency-key': key } });
      expect([answer.status, await answer.text()]).toEqual([422, expect.stringContaining('"path":"Idempotency-Key"')]);
    }
  });
});

describe('a stream', () => {
  it('that was complete is replayed whole, with its content type', async () => {
    effects = 0;
    write = ({ writable, open, complete }) => {
      open();
      writable.write('data: 1\n\n');
      writable.write('data: 2\n\n');
      complete?.();
      writable.end('data: [DONE]\n\n');
    };
    const headers = keyed();
    for (const replayed of [null, 'true']) {
      const answer = await post('/stream', { headers });
      expect(await answer.text()).toBe('data: 1\n\ndata: 2\n\ndata: [DONE]\n\n');
      expect(answer.headers.get('content-type')).toBe('text/event-stream');
      expect(answer.headers.get('idempotency-replayed')).toBe(replayed);
    }
    expect(effects).toBe(1);
  });

  it('comes chunk by chunk, but for its end, which waits until all of it is kept', async () => {
    const opened = Promise.withResolvers<OnceSink>();
    write = (sink) => {
      sink.open();
      sink.writable.write('first\n\n');
      opened.resolve(sink);
    };
    const headers = keyed();
    const answer = await post('/stream', { headers });
    const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader?.read())?.value).toBe('first\n\n');
    const sink = await opened.promise;
    sink.complete?.();
    sink.writable.end('last\n\n');
    expect((await reader?.read())?.value).toBe('last\n\n');
    write = () => expect.unreachable();
    expect(await (await post('/stream', { headers })).text()).toBe('first\n\nlast\n\n');
  });

  it('that broke is not kept: the next duplicate runs anew', async () => {
    effects = 0;
    const headers = keyed();
    write = ({ writable, open, broken }) => {
      open();
      writable.end('data: {"error":{}}\n\n');
      broken?.();
    };
    expect(await (await post('/stream', { headers })).text()).toBe('data: {"error":{}}\n\n');
    write = endWith('whole');
    const second = await post('/stream', { headers });
    expect([await second.text(), second.headers.get('idempotency-replayed')]).toEqual(['whole', null]);
    expect(effects).toBe(2);
  });

  it('that broke at the last moment is not kept either', async () => {
    const headers = keyed();
    write = ({ writable, open, complete, broken }) => {
      open();
      complete?.();
      writable.end('data: {"error":{}}\n\n');
      broken?.();
    };
    expect(await (await post('/stream', { headers })).text()).toBe('data: {"error":{}}\n\n');
    write = endWith('whole');
    expect(await (await post('/stream', { headers })).text()).toBe('whole');
  });

  it('whose client leaves is told so, and is not kept', async () => {
    const headers = keyed();
    const gone = Promise.withResolvers<void>();
    write = ({ writable, open }) => {
      writable.once('close', () => gone.resolve());
      open();
      writable.write('begun\n\n');
    };
    const client = new AbortController();
    await post('/stream', { headers, signal: client.signal });
    client.abort();
    await gone.promise;
    write = endWith('whole');
    expect(await (await post('/stream', { headers })).text()).toBe('whole');
  });

  it('that never began is an ordinary error and is not kept', async () => {
    const headers = keyed();
    write = () => {
      throw new AppError('rate_limited', 'no');
    };
    const inProcess = createApp();
    const init = { method: 'POST', body: '{}' };
    expect((await post('/stream', { headers })).status).toBe(429);
    expect((await inProcess.request('/stream', { ...init, headers })).status).toBe(429);
    write = endWith('whole');
    expect(await (await inProcess.request('/stream', { ...init, headers })).text()).toBe('whole');
  });

  it('keeps the pace of a slow reader, and arrives whole', async () => {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    let refused = 0;
    write = ({ writable, open, complete }) => {
      open();
      let left = 300;
      const more = (): void => {
        while (left > 0) {
          left -= 1;
          if (!writable.write(chunk)) {
            refused += 1;
            writable.once('drain', more);
            return;
          }
        }
        complete?.();
        writable.end('end');
      };
      more();
    };
    const headers = keyed();
    const answer = await post('/stream', { headers });
    expect((await answer.arrayBuffer()).byteLength).toBe(300 * chunk.length + 3);
    expect(refused).toBeGreaterThan(0);
    // It was larger than what is kept here.
    const again = await post('/stream', { headers });
    expect([again.status, again.headers.get('x-should-retry')]).toEqual([409, 'false']);
  });

  it('is run once among fifty at once', async () => {
    effects = 0;
    write = endWith('whole');
    const headers = keyed();
    const answers = await Promise.all(Array.from({ length: 50 }, () => post('/stream', { headers })));
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect([new Set(texts), effects]).toEqual([new Set(['whole']), 1]);
  });
});

function endWith(text: string): typeof write {
  return ({ writable, open, complete }) => {
    open();
    complete?.();
    writable.end(text);
  };
}

function createApp(): Hono<ServiceEnv> {
  const app = createServiceApp({
    service: 'chat',
    log: silentLog,
    build: { version: '1.2.3', commit: 'abc', contract: contractVersion },
    health: createHealthReporter({
      environment: 'local',
      pingDatabase: async () => undefined,
      natsStatus: () => 'disabled',
    }),
    verifyAssertion: async (userId) => ({ kind: 'user', userId, keyId: null, scopes: [], limits: {} }),
    contracts: [],
  });
  const options = async (body: ArrayBuffer, signal: AbortSignal) => ({
    idempotency,
    body: new Uint8Array(body),
    signal,
  });
  app.post(
    '/unary',
    async (c) =>
      await answerOnce(c, await options(await c.req.arrayBuffer(), clientLeft(c)), async () => {
        effects += 1;
        const bytes = await work();
        const respond = (): Response => sendBytes(c, bytes, 'application/json', { ratelimit: 'live' });
        return { status: 200, contentType: 'application/json', bytes, respond };
      }),
  );
  app.post('/unprotected', async (c) => {
    const claim = () => expect.unreachable();
    const unused = { ...idempotency, claim };
    return await answerOnce(c, { idempotency: unused, body: new Uint8Array(), signal: clientLeft(c) }, async () => {
      effects += 1;
      return { status: 200, contentType: '', bytes: await work(), respond: () => c.json({}) };
    });
  });
  app.post(
    '/stream',
    async (c) =>
      await streamOnce(c, await options(await c.req.arrayBuffer(), clientLeft(c)), async (sink, { signal }) => {
        effects += 1;
        write(sink, signal);
      }),
  );
  return app;
}

function caller(): Record<string, string> {
  return { 'x-gaia-assertion': randomUUID(), 'x-gaia-contract': String(contractVersion) };
}

function keyed(): Record<string, string> {
  return { ...caller(), 'idempotency-key': 'key' };
}

async function post(path: string, init: RequestInit = {}): Promise<Response> {
  return await fetch(`${origin}${path}`, { method: 'POST', body: '{}', ...init });
}
