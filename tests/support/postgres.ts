import pg from 'pg';
import { inject } from 'vitest';
import { randomBase62 } from '../../shared/id.ts';

export type TestDatabase = {
  url: string;
  /** Ends all its connections and removes it. */
  drop: () => Promise<void>;
};

/** A migrated database of its own for a test. */
export async function createTestDatabase(): Promise<TestDatabase> {
  return await create(templateUrl().pathname.slice(1));
}

/** A database without any table. */
export async function createEmptyDatabase(): Promise<TestDatabase> {
  return await create('template0');
}

/** Runs one statement on a connection of its own and gives its rows. */
export async function queryRows(url: string, text: string, values: unknown[] = []): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(text, values);
    return rows;
  } finally {
    await client.end();
  }
}

async function create(template: string): Promise<TestDatabase> {
  const name = `test_${randomBase62(12).toLowerCase()}`;
  const admin = templateUrl();
  const mine = new URL(admin);
  admin.pathname = '/postgres';
  mine.pathname = `/${name}`;
  await queryRows(admin.href, `create database ${name} template ${template}`);
  return {
    url: mine.href,
    drop: async () => void (await queryRows(admin.href, `drop database if exists ${name} with (force)`)),
  };
}

function templateUrl(): URL {
  const url = inject('templateDatabaseUrl');
  if (url === null) throw new Error('There is no Postgres here: a file whose tests need one is named *.db.test.ts.');
  return new URL(url);
}
