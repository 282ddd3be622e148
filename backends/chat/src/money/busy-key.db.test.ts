import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestDatabase, queryRows, type TestDatabase } from '../../../../tests/support/postgres.ts';
import { admissionOf, caller, fieldOf, outcomeOf, startMeteredProcess } from '../testing/metered.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(async () => {
  await database.drop();
});

describe('a busy key', () => {
  it('is admitted at the same price however many of its calls came and went', async () => {
    const metering = startMeteredProcess({ url: database.url, poolSize: 2 });
    const user = caller({ concurrency: 100 });
    const calls = 3_000;
    for (let done = 0; done < calls; done += 20) {
      const turns = Array.from({ length: 20 }, async () => {
        await metering.settle(await metering.admit(admissionOf(user)), outcomeOf());
      });
      await Promise.all(turns);
    }
    await metering.close();
    const read = await vi.waitUntil(async () => {
      const [row] = await queryRows(
        database.url,
        `select idx_scan as scans, idx_tup_read as entries from pg_stat_user_indexes
         where indexrelname = 'reservations_user_id_idx'`,
      );
      const scans = Number(fieldOf(row, 'scans'));
      // Counters reach us when connections are idle or closed.
      return scans >= calls && { scans, entries: Number(fieldOf(row, 'entries')) };
    }, 10_000);
    expect(read.entries / read.scans).toBeLessThan(500);
  });
});
