import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, queryRows, type TestDatabase } from '../../tests/support/postgres.ts';
import { silentLog } from '../../tests/support/silent-log.ts';
import { connect, type DatabaseConnection } from '../db/connect.ts';
import { createNotices } from '../db/notices.ts';
import type { Attempt } from './attempt.ts';
import { createIdempotencyStore, endsChannel, type Answer, type IdempotencyStore } from './idempotency-store.ts';
import { createIdempotency, type Claim, type Idempotency, type IdempotencyOptions } from './idempotency.ts';
import type { IdempotentRequest } from './idempotent-request.ts';

const stillWaiting = Promise.resolve('still waiting');
let database: TestDatabase;
const cleanUp = new AsyncDisposableStack();
/** Two processes as Postgres sees them: pools, stores and listening connections of their own. */
let one: Idempotency;
let two: Idempotency;

beforeAll(async () => {
  database = await createTestDatabase();
  cleanUp.defer(() => database.drop());
  one = process().idempotency;
  two = process().idempotency;
});
afterAll(() => cleanUp.disposeAsync());

describe('a request that is sent twice', () => {
  it('runs once, and gives the second sender the same status, headers and bytes', async () => {
    const request = wish();
    const attempt = first(await one.claim(request));
    const bytes = Buffer.from([0, 255, 10, 13, 0]);
    await attempt.finish({ status: 422, headers: { 'content-type': 'a/b', location: '/x' }, bytes });
    for (const again of [one, two]) {
      expect(await again.claim(request)).toEqual({
        kind: 'replay',
        answer: { status: 422, headers: { 'content-type': 'a/b', location: '/x' }, bytes },
      });
    }
  });

  it('waits while the first runs, in the same process and in another', async () => {
    const request = wish();
    const attempt = first(await one.claim(request));
    const waiting = [one.claim(request), two.claim(request), two.claim(request)];
    await awaited(database.url);
    expect(await Promise.race([...waiting, stillWaiting])).toBe('still waiting');
    await attempt.finish(ok('done'));
    for (const claim of await Promise.all(waiting)) expect(replay(claim)).toEqual(ok('done'));
  });

  it('has one side effect among fifty at once through two processes', async () => {
    const request = wish();
    let effects = 0;
    const send = async (through: Idempotency): Promise<Answer> => {
      const claim = await through.claim(request);
      if (claim.kind === 'replay') return claim.answer;
      effects += 1;
      await new Promise((resolve) => setTimeout(resolve, 50)); // The work itself.
      await claim.attempt.finish(ok(`effect ${effects}`));
      return ok(`effect ${effects}`);
    };
    const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => send(i % 2 === 0 ? one : two)));
    expect(effects).toBe(1);
    for (const answer of answers) expect(answer).toEqual(ok('effect 1'));
  });

  it('with fifty at once runs again, and once at a time, as long as it fails', async () => {
    const request = wish();
    let [effects, running, failures] = [0, 0, 0];
    const send = async (through: Idempotency): Promise<void> => {
      const claim = await through.claim(request);
      if (claim.kind === 'replay') return;
      running += 1;
      expect(running).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (failures < 3) {
        failures += 1;
        await claim.attempt.release();
        return;
      }
      effects += 1;
      await claim.attempt.finish(ok('at last'));
    };
    await Promise.all(Array.from({ length: 50 }, (_, i) => send(i % 2 === 0 ? one : two)));
    expect([failures, effects]).toEqual([3, 1]);
  });

  it('is refused where anything in it differs, at once and also while the first runs', async () => {
    const request = wish();
    const attempt = first(await one.claim(request));
    const others = [{ body: Buffer.from('{"a":2}') }, { path: '/v1/other' }, { path: '/v1/x?a=1' }, { method: 'PUT' }];
    const refused = { code: 'validation_failed', options: { errors: [{ path: 'Idempotency-Key' }] } };
    for (const other of others) await expect(two.claim({ ...request, ...other })).rejects.toMatchObject(refused);
    await attempt.finish(ok('mine'));
    for (const other of others) await expect(two.claim({ ...request, ...other })).rejects.toMatchObject(refused);
    expect(replay(await two.claim(request))).toEqual(ok('mine'));
  });

  it('is two requests for two users', async () => {
    const request = wish();
    await first(await one.claim(request)).finish(ok('mine'));
    const theirs = { ...request, userId: randomUUID(), body: Buffer.from('other') };
    await first(await one.claim(theirs)).finish(ok('theirs'));
    expect([replay(await one.claim(request)), replay(await one.claim(theirs))]).toEqual([ok('mine'), ok('theirs')]);
  });

  it.each(['', 'x'.repeat(256), 'ümlaut', 'a\tb', 'a\u007f'])('is refused under the key %j', async (key) => {
    await expect(one.claim(wish({ key }))).rejects.toMatchObject({ code: 'validation_failed' });
  });

  it.each(['x', 'x'.repeat(255), ' ~!"a b'])('is taken under the key %j', async (key) => {
    const attempt = first(await one.claim(wish({ key })));
    expect(attempt.signal.aborted).toBe(false);
    await attempt.release();
  });
});

describe('an answer', () => {
  it.each([429, 500, 502, 503, 504])('of %i is not kept, so that a retry runs', async (status) => {
    const request = wish();
    await first(await one.claim(request)).finish({ ...ok('no'), status });
    await first(await two.claim(request)).finish(ok('yes'));
    expect(replay(await one.claim(request))).toEqual(ok('yes'));
  });

  it('that was too large to keep is never made twice', async () => {
    const request = wish();
    const small = process({ maxAnswerBytes: 4 }).idempotency;
    await first(await small.claim(request)).finish(ok('12345'));
    const refused = { code: 'conflict', options: { sideEffectPossible: true } };
    await expect(two.claim(request)).rejects.toMatchObject(refused);
    const fitting = wish();
    await first(await small.claim(fitting)).finish(ok('1234'));
    expect(replay(await two.claim(fitting))).toEqual(ok('1234'));
  });

  it('is kept for its time and then swept, and a running request with it', async () => {
    const { idempotency, store } = process({}, { keepSeconds: 0 });
    const request = wish();
    await first(await idempotency.claim(request)).finish(ok('old'));
    await first(await idempotency.claim(request)).finish(ok('new')); // Expired: it runs again.
    const kept = wish();
    await first(await one.claim(kept)).finish(ok('kept'));
    const before = await queryRows(database.url, 'select id from idempotency_keys where expires_at <= now()');
    expect(before.length).toBeGreaterThan(0);
    expect(await store.sweep(1)).toBe(1);
    expect(await store.sweep(500)).toBe(before.length - 1);
    expect(replay(await two.claim(kept))).toEqual(ok('kept'));
  });

  it('leaves neither key nor body in the database', async () => {
    const request = wish({ key: 'a-secret-key', body: Buffer.from('a-secret-body') });
    await first(await one.claim(request)).finish(ok('done'));
    const rows = await queryRows(database.url, 'select k::text as text from idempotency_keys k');
    expect(JSON.stringify(rows)).not.toMatch(/a-secret/);
  });
});

describe('an owner', () => {
  it.each<[string, (late: Attempt) => Promise<void>]>([
    ['end', async (late) => await late.finish(ok('zombie'))],
    ['forget', async (late) => await late.release()],
  ])('that goes silent loses its request to the next duplicate, and can no longer %s it', async (_what, act) => {
    for (const isOver of [false, true]) {
      const request = wish();
      const { store: silent } = process({}, { leaseSeconds: 0 });
      const zombie = createIdempotency({ ...options(silent), heartbeatMs: 600_000 });
      const late = first(await zombie.claim(request));
      const successor = first(await two.claim(request));
      if (isOver) await successor.finish(ok('successor'));
      await act(late);
      await successor.finish(ok('successor'));
      expect(replay(await one.claim(request))).toEqual(ok('successor'));
      await zombie.close();
    }
  });

  it('is told when another has taken over', async () => {
    const request = wish();
    const { store } = process({}, { leaseSeconds: 0 });
    const slow = createIdempotency({ ...options(store), heartbeatMs: 20 });
    // Its heart beats, but each beat is over at once.
    const { signal } = first(await slow.claim(request));
    const taken = await two.claim(request);
    await aborted(signal);
    expect(signal.aborted).toBe(true);
    await first(taken).finish(ok('successor'));
    await slow.close();
  });

  it('that is alive keeps its request beyond the first lease', async () => {
    const request = wish();
    const { store } = process({}, { leaseSeconds: 0.4 });
    const slow = createIdempotency({ ...options(store), heartbeatMs: 50 });
    const attempt = first(await slow.claim(request));
    const waiting = two.claim(request);
    await queryRows(database.url, 'select pg_sleep(1)');
    expect(await Promise.race([waiting, stillWaiting])).toBe('still waiting');
    expect(attempt.signal.aborted).toBe(false);
    await attempt.finish(ok('slow'));
    expect(replay(await waiting)).toEqual(ok('slow'));
    await slow.close();
  });
});

describe('a duplicate that waits', () => {
  it('is told to come again when its time is over', async () => {
    const request = wish();
    const attempt = first(await one.claim(request));
    const impatient = process({ waitMs: 50 }).idempotency;
    const refused = { code: 'conflict', options: { retryAfterSeconds: 5 } };
    await expect(impatient.claim(request)).rejects.toMatchObject(refused);
    await attempt.release();
  });

  it('stops when its client leaves, and nobody else does', async () => {
    const request = wish();
    const attempt = first(await one.claim(request));
    const client = new AbortController();
    const left = two.claim({ ...request, signal: client.signal });
    const stays = two.claim(request);
    await awaited(database.url);
    client.abort();
    await expect(left).rejects.toMatchObject({ code: 'request_timeout' });
    await attempt.finish(ok('done'));
    expect(replay(await stays)).toEqual(ok('done'));
  });

  it('learns of the end by a notice, long before it would look by itself', async () => {
    const request = wish();
    const attempt = first(await one.claim(request));
    const patient = process({ pollMs: 600_000 }).idempotency;
    const waiting = patient.claim(request);
    await awaited(database.url);
    await attempt.finish(ok('done'));
    expect(replay(await waiting)).toEqual(ok('done'));
  });

  it('learns of the end by looking where notices do not arrive', async () => {
    const request = wish();
    const attempt = first(await one.claim(request));
    const deaf = process({ pollMs: 20, notices: { listen: () => ({ stop: async () => undefined }) } }).idempotency;
    const waiting = deaf.claim(request);
    await awaited(database.url);
    await attempt.finish(ok('done'));
    expect(replay(await waiting)).toEqual(ok('done'));
  });
});

function options(store: IdempotencyStore): IdempotencyOptions {
  const notices = createNotices({ url: database.url, channel: endsChannel, log: silentLog });
  return { store, notices, log: silentLog, waitMs: 15_000, pollMs: 200 };
}

type Times = { leaseSeconds?: number; keepSeconds?: number };

function process(more: Partial<IdempotencyOptions> = {}, times: Times = {}) {
  const connection: DatabaseConnection = connect({ url: database.url, poolSize: 5, log: silentLog });
  const store = createIdempotencyStore({ db: connection.db, ...times });
  const idempotency = createIdempotency({ ...options(store), ...more });
  cleanUp.defer(() => connection.close());
  cleanUp.defer(() => idempotency.close());
  return { idempotency, store };
}

function wish(more: Partial<IdempotentRequest> = {}): IdempotentRequest {
  const { signal } = new AbortController();
  const request = { userId: randomUUID(), key: 'key', method: 'POST', path: '/v1/x', body: Buffer.from('{"a":1}') };
  return { ...request, signal, ...more };
}

function ok(text: string): Answer {
  return { status: 200, headers: { 'content-type': 'text/plain' }, bytes: Buffer.from(text) };
}

function first(claim: Claim) {
  if (claim.kind !== 'first') throw new Error('it ran before');
  return claim.attempt;
}

function replay(claim: Claim): Answer {
  if (claim.kind !== 'replay') throw new Error('it did not run before');
  return claim.answer;
}

/** Until somebody waits for a request that still runs. */
async function awaited(url: string): Promise<void> {
  const waiting = `select from idempotency_keys where is_awaited and state = 'running'`;
  while ((await queryRows(url, waiting)).length === 0);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}
