import { vi } from 'vitest';
import { queryRows } from './postgres.ts';

/** Resolves when so many connections of this database wait for a lock that another one holds. */
export async function untilWaiting(databaseUrl: string, count = 1): Promise<void> {
  const query = `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await vi.waitUntil(async () => (await queryRows(databaseUrl, query)).length === count, { timeout: 5_000 });
}
