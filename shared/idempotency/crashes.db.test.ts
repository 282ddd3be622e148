import { fork, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createFaultProxy, type FaultProxy } from '../../tests/support/fault-proxy.ts';
import { createTestDatabase, queryRows, type TestDatabase } from '../../tests/support/postgres.ts';
import { silentLog } from '../../tests/support/silent-log.ts';
import { connect } from '../db/connect.ts';
import { createNotices } from '../db/notices.ts';
import { AppError } from '../http/error.ts';
import { createIdempotencyStore, endsChannel } from './idempotency-store.ts';
import { createIdempotency, type Idempotency } from './idempotency.ts';

let database: TestDatabase;
let cleanUp: AsyncDisposableStack;
beforeEach(async () => {
  cleanUp = new AsyncDisposableStack();
  database = await createTestDatabase();
  cleanUp.defer(() => database.drop());
});
afterEach(() => cleanUp.disposeAsync());

describe('when the process of a request is killed', () => {
  it('the next duplicate waits while it may be alive, then runs the request, once', async () => {
    const userId = randomUUID();
    const child = await startChild(userId);
    const idempotency = start(database.url);
    const waiting = [claim(idempotency, userId), claim(idempotency, userId)];
    await queryRows(database.url, 'select pg_sleep(1.5)'); // Longer than its lease, which its heart renews.
    expect(await Promise.race([...waiting, Promise.resolve('still waiting')])).toBe('still waiting');
    child.kill('SIGKILL');
    const successor = await Promise.race(waiting);
    if (successor.kind !== 'first') throw new Error('nothing can have been kept');
    await successor.attempt.finish({ status: 200, headers: {}, bytes: Buffer.from('done') });
    const kinds = (await Promise.all(waiting)).map(({ kind }) => kind);
    expect(kinds.toSorted()).toEqual(['first', 'replay']);
  });
});

describe('when Postgres', () => {
  it('is away, a request with a key is 503 and does not run', async () => {
    const proxy = await proxied();
    const idempotency = start(urlThrough(proxy));
    await proxy.set({ state: 'down' });
    await expect(claim(idempotency, randomUUID())).rejects.toMatchObject({ code: 'unavailable' });
    await proxy.set({});
    expect((await claim(idempotency, randomUUID())).kind).toBe('first');
  });

  it('goes away while a request runs, its answer is kept as soon as it is back', async () => {
    const proxy = await proxied();
    const userId = randomUUID();
    const first = await claim(start(urlThrough(proxy)), userId);
    if (first.kind !== 'first') throw new Error('it cannot have run');
    await proxy.set({ state: 'down' });
    await first.attempt.finish({ status: 200, headers: {}, bytes: Buffer.from('done') });
    const waiting = claim(start(database.url), userId);
    await proxy.set({});
    expect(await waiting).toMatchObject({ kind: 'replay', answer: { bytes: Buffer.from('done') } });
  });

  it('restarts while a duplicate waits, the duplicate is 503 at worst and finds the answer afterwards', async () => {
    const proxy = await proxied();
    const userId = randomUUID();
    const first = await claim(start(database.url), userId);
    if (first.kind !== 'first') throw new Error('it cannot have run');
    const behind = start(urlThrough(proxy));
    const waiting = claim(behind, userId);
    waiting.catch(() => undefined);
    await awaited();
    await proxy.set({ state: 'reset' });
    await first.attempt.finish({ status: 200, headers: {}, bytes: Buffer.from('done') });
    await proxy.set({});
    const outcome = await waiting.then(
      ({ kind }) => kind,
      (error: unknown) => (error instanceof AppError ? error.code : error),
    );
    expect(['replay', 'unavailable']).toContain(outcome);
    expect(await claim(behind, userId)).toMatchObject({ kind: 'replay' });
  });
});

function start(url: string): Idempotency {
  const connection = connect({ url, poolSize: 5, log: silentLog });
  const idempotency = createIdempotency({
    store: createIdempotencyStore({ db: connection.db }),
    notices: createNotices({ url, channel: endsChannel, log: silentLog }),
    log: silentLog,
    waitMs: 15_000,
    pollMs: 100,
  });
  cleanUp.defer(() => connection.close());
  cleanUp.defer(() => idempotency.close());
  return idempotency;
}

function claim(idempotency: Idempotency, userId: string) {
  const { signal } = new AbortController();
  return idempotency.claim({ userId, key: 'key', method: 'POST', path: '/v1/x', body: Buffer.from('{}'), signal });
}

/** A process of its own with a lease of one second, which runs the request when this resolves. */
async function startChild(userId: string): Promise<ChildProcess> {
  const path = fileURLToPath(new URL('../../tests/support/idempotent-process.ts', import.meta.url));
  const child = fork(path, [database.url, userId, '1'], { execArgv: [] });
  cleanUp.defer(() => void child.kill('SIGKILL'));
  const message: unknown = await new Promise((resolve) => child.once('message', resolve));
  expect(message).toBe('first');
  return child;
}

async function proxied(): Promise<FaultProxy> {
  const proxy = await createFaultProxy({ targetPort: Number(new URL(database.url).port) });
  cleanUp.defer(() => proxy.close());
  return proxy;
}

function urlThrough(proxy: FaultProxy): string {
  const url = new URL(database.url);
  url.host = `127.0.0.1:${proxy.port}`;
  return url.href;
}

async function awaited(): Promise<void> {
  while ((await queryRows(database.url, 'select from idempotency_keys where is_awaited')).length === 0);
}
