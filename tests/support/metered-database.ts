import { afterAll, afterEach, beforeAll } from 'vitest';
import { createTestDatabase, queryRows, type TestDatabase } from './postgres.ts';
import { startMeteredProcess, type MeteredProcess } from '../../backends/chat/src/testing/metered.ts';

export type MeteredDatabase = {
  url: () => string;
  rows: (text: string, values: unknown[]) => Promise<unknown[]>;
  /** One more process on it, which ends with the test. */
  start: () => MeteredProcess;
};

/** A database for all tests of a file. */
export function useMeteredDatabase(): MeteredDatabase {
  let database: TestDatabase;
  const running: MeteredProcess[] = [];
  beforeAll(async () => {
    database = await createTestDatabase();
  });
  afterEach(async () => {
    for (const metering of running.splice(0)) await metering.close();
  });
  afterAll(async () => {
    await database.drop();
  });
  return {
    url: () => database.url,
    rows: async (text, values) => await queryRows(database.url, text, values),
    start: () => {
      const metering = startMeteredProcess({ url: database.url });
      running.push(metering);
      return metering;
    },
  };
}
