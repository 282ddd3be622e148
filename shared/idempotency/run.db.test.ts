import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../tests/support/postgres.ts';
import { silentLog } from '../../tests/support/silent-log.ts';
import { connect, type DatabaseConnection } from '../db/connect.ts';
import { createIdempotencyStore, type Lease } from './idempotency-store.ts';
import { runOf, type Run } from './run.ts';

let database: TestDatabase;
let connection: DatabaseConnection;
beforeAll(async () => {
  database = await createTestDatabase();
  connection = connect({ url: database.url, poolSize: 2, log: silentLog });
});
afterAll(async () => {
  await connection.close();
  await database.drop();
});

describe('a run of a request', () => {
  it('knows the ids of all whose processes died, and none where it begins anew', async () => {
    const dying = createIdempotencyStore({ db: connection.db, leaseSeconds: 0 });
    const slot = { id: randomUUID(), userId: randomUUID() };
    const begin = async (owner: string = randomUUID()): Promise<Pick<Run, 'id' | 'earlier'>> => {
      const taken = await dying.claim({ ...slot, owner }, 'hash');
      if (!taken) throw new Error('its lease is always over');
      return runOf(taken);
    };
    const last: Lease = { ...slot, owner: randomUUID() };
    const runs = [await begin(), await begin(), await begin(last.owner)];
    const ids = runs.map(({ id }) => id);
    expect(new Set(ids).size).toBe(3);
    expect(runs.map(({ earlier }) => earlier?.ids ?? null)).toEqual([null, ids.slice(0, 1), ids.slice(0, 2)]);
    expect(Math.abs(Number(runs[2]?.earlier?.since) - Date.now())).toBeLessThan(10_000);
    await dying.release(last);
    const anew = await begin();
    expect(anew.earlier).toBeNull();
    expect(ids).not.toContain(anew.id);
  });

  it('has the id of a UUID, as calls must', () => {
    const { id, earlier } = runOf({ id: 'a', requestHash: 'b', begunAt: new Date(0), attempts: 1_000 });
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-a[0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(earlier?.ids).toHaveLength(100);
    expect(earlier?.ids).not.toContain(id);
  });
});
