import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { silentLog } from '../../../../tests/support/silent-log.ts';
import { startManagement, type Management } from '../../../../tests/support/auth-management.ts';
import { createLastUse, type KeyUses } from './last-use.ts';

const never = 3_600_000;
const UsedSchema = z.object({ last_used_at: z.coerce.date() });

let gaia: Management;
beforeAll(async () => {
  gaia = await startManagement();
});
afterAll(async () => {
  await gaia.close();
});

describe('the last use of keys', () => {
  it('is on record after the next write, for many keys by one statement, and never goes back', async () => {
    const mine = gaia.session(await gaia.addUser());
    const keys = await Promise.all(Array.from({ length: 20 }, async () => await gaia.createKey(mine)));
    const unused = await gaia.createKey(mine);
    const before = Date.now();
    await Promise.all(keys.map(async ({ key }) => await gaia.resolve(key)));
    await gaia.lastUse.flush();
    for (const { id } of keys) {
      const { body } = await mine('GET', `/api/v1/keys/${id}`);
      expect(UsedSchema.parse(body).last_used_at.getTime()).toBeGreaterThanOrEqual(before);
    }
    expect((await mine('GET', `/api/v1/keys/${unused.id}`)).body).toMatchObject({ last_used_at: null });
    const [first] = keys;
    const { body: now } = await mine('GET', `/api/v1/keys/${first?.id}`);
    gaia.lastUse.mark(first?.id ?? '', new Date(0));
    await gaia.lastUse.flush();
    expect((await mine('GET', `/api/v1/keys/${first?.id}`)).body).toEqual(now);
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
