import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { queryRows } from '../../tests/support/postgres.ts';
import { silentLog } from '../../tests/support/silent-log.ts';
import { startManagement, type Management } from '../../tests/support/auth-management.ts';
import type { KeyUses } from '../db/key-uses.ts';
import { createLastUse } from './last-use.ts';

const never = 3_600_000;
const UsedSchema = z.object({ at: z.date().nullable() });

let gaia: Management;
beforeAll(async () => {
  gaia = await startManagement();
});
afterAll(async () => {
  await gaia.close();
});

async function usedAt(id: string): Promise<number | null> {
  const [row] = await queryRows(gaia.url, 'select last_used_at as at from api_keys where id = $1', [id]);
  return UsedSchema.parse(row).at?.getTime() ?? null;
}

describe('the last use of keys', () => {
  it('is on record after the next write, for many keys by one statement, and never goes back', async () => {
    const mine = gaia.session(await gaia.addUser());
    const keys = await Promise.all(Array.from({ length: 20 }, async () => await gaia.createKey(mine)));
    const unused = await gaia.createKey(mine);
    const before = Date.now();
    for (const { key } of keys) expect((await (await gaia.keyHolder(key))('GET', '/api/v1/auth/me')).status).toBe(200);
    await gaia.resolve(unused.key);
    await gaia.lastUse.flush();
    for (const { id } of keys) expect(await usedAt(id)).toBeGreaterThanOrEqual(before);
    expect(await usedAt(unused.id)).toBeNull();
    const [{ id: first } = unused] = keys;
    const was = await usedAt(first);
    gaia.lastUse.mark(first, new Date(0));
    await gaia.lastUse.flush();
    expect(await usedAt(first)).toBe(was);
  });

  it('is written once a minute for a key in constant use', async () => {
    const { id } = await gaia.createKey(gaia.session(await gaia.addUser()));
    const [start, soon, later] = [1_000_000, 1_060_000, 1_060_001];
    for (const [at, stands] of [
      [start, start],
      [soon, start],
      [later, later],
    ] as const) {
      gaia.lastUse.mark(id, new Date(at));
      await gaia.lastUse.flush();
      expect(await usedAt(id)).toBe(stands);
    }
  });

  it('is tried again when it could not be written, and the newest mark of a key wins', async () => {
    const saved: KeyUses[] = [];
    let fails = true;
    const lastUse = createLastUse({
      log: silentLog,
      everyMs: never,
      save: async (uses) => {
        lastUse.mark('a', new Date(2));
        if (fails) throw new Error('away');
        saved.push(uses);
      },
    });
    lastUse.mark('a', new Date(1));
    lastUse.mark('b', new Date(1));
    await lastUse.flush();
    fails = false;
    await lastUse.flush();
    expect([...(saved[0] ?? [])]).toEqual([
      ['a', new Date(2)],
      ['b', new Date(1)],
    ]);
    await lastUse.stop();
  });

  it('is bounded, however many keys are used while the database is away', async () => {
    let count = 0;
    const save = async (uses: KeyUses): Promise<void> => void (count = uses.size);
    const lastUse = createLastUse({ save, log: silentLog, everyMs: never, maxKeys: 10 });
    for (let i = 0; i < 1_000; i++) lastUse.mark(String(i), new Date());
    await lastUse.stop();
    expect(count).toBe(10);
  });

  it('is written by itself, without anybody asking', async () => {
    const { promise, resolve } = Promise.withResolvers<KeyUses>();
    const lastUse = createLastUse({ save: async (uses) => resolve(uses), log: silentLog, everyMs: 1 });
    lastUse.mark('a', new Date(5));
    expect([...(await promise)]).toEqual([['a', new Date(5)]]);
    await lastUse.stop();
  });
});
