import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, queryRows, type TestDatabase } from '../../tests/support/postgres.ts';
import { seedDevUser, seedKeyOnce } from './seed.ts';

let database: TestDatabase;
let directory: string;
beforeAll(async () => {
  database = await createTestDatabase();
  directory = await mkdtemp(join(tmpdir(), 'gaia-seed-'));
});
afterAll(async () => {
  await database.drop();
  await rm(directory, { recursive: true });
});

const audit = async () =>
  await queryRows(database.url, `select action, subject_id, after->>'by' as by from audit_log order by sequence`);

describe('the development key', () => {
  it('is on record once, however often it is seeded, and never with its secret', async () => {
    const key = await seedDevUser(database.url, directory);
    expect(await seedDevUser(database.url, directory)).toBe(key);
    expect(await seedKeyOnce(database.url)).toBeNull();
    const [row] = await queryRows(database.url, 'select id::text from api_keys');
    const { id } = Object.assign({ id: '' }, row);
    expect(await audit()).toEqual([{ action: 'key.created', subject_id: id, by: 'seed' }]);
    const everything = JSON.stringify(await queryRows(database.url, 'select * from audit_log'));
    expect(everything).not.toContain(key.slice(key.lastIndexOf('_')));
    await queryRows(database.url, 'update api_keys set revoked_at = now()');
    expect(await seedDevUser(database.url, directory)).not.toBe(key);
    expect(await audit()).toHaveLength(2);
  });
});
