import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, it } from 'vitest';
import * as z from 'zod';
import type { Principal } from '#shared/identity/principal.ts';
import { createTestIdentity } from '../../../tests/support/assertions.ts';
import { startBackendProcess } from '../../../tests/support/backend-process.ts';
import { untilWaiting } from '../../../tests/support/lock-waits.ts';
import { createTestDatabase, queryRows } from '../../../tests/support/postgres.ts';

const poolSize = 2;
/** After which the feed's own knowledge is too old to be told. */
const staleMs = 2_500;

it('the auth process says what was revoked while requests that wait for a lock hold all of its pool', async () => {
  const database = await createTestDatabase();
  const identity = await createTestIdentity();
  const auth = await startBackendProcess('auth', identity, {
    DATABASE_URL: database.url,
    DATABASE_POOL_SIZE: `${poolSize}`,
  });
  const call = async (principal: Principal, path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = { ...(await identity.headers(principal, 'auth')), 'content-type': 'application/json' };
    return await fetch(`${auth.url}${path}`, { ...init, headers });
  };
  const holder = new pg.Client({ connectionString: database.url });
  await holder.connect();
  try {
    const [row] = await queryRows(database.url, 'insert into users default values returning id::text');
    const { id: userId } = z.object({ id: z.string() }).parse(row);
    const owner: Principal = { kind: 'user', userId, keyId: null, scopes: ['keys:write'], limits: {} };
    await holder.query('begin');
    await holder.query('select from users where id = $1 for update', [userId]);
    const body = JSON.stringify({ name: 'k' });
    const making = Array.from({ length: poolSize }, () => call(owner, '/api/v1/keys', { method: 'POST', body }));
    await untilWaiting(database.url, poolSize);
    await sleep(staleMs);
    expect((await call({ kind: 'gateway' }, '/internal/revocations')).status).toBe(200);
    await holder.query('commit');
    expect((await Promise.all(making)).map(({ status }) => status)).toEqual(making.map(() => 201));
  } finally {
    await holder.end();
    await auth.child.stop();
    await database.drop();
  }
});
