import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { migrate, migrationStatus } from '../../shared/db/migrate.ts';
import { migrationsDirectory, updateManifest } from '../../shared/db/migration-files.ts';
import { createEmptyDatabase, queryRows, type TestDatabase } from '../support/postgres.ts';
import { silentLog } from '../support/silent-log.ts';

let database: TestDatabase;
let directory: string;

beforeEach(async () => {
  database = await createEmptyDatabase();
  directory = await mkdtemp(join(tmpdir(), 'gaia-migrations-'));
  await cp(migrationsDirectory, directory, { recursive: true });
});

afterEach(async () => {
  await database.drop();
  await rm(directory, { recursive: true, force: true });
});

const up = async (): Promise<string[]> =>
  await migrate({ url: database.url, direction: 'up', directory, log: silentLog });
const down = async (count: number): Promise<string[]> =>
  await migrate({ url: database.url, direction: 'down', count, directory, log: silentLog });
const add = async (name: string, upSql: string): Promise<void> => {
  await writeFile(join(directory, name), `-- Up Migration\n${upSql}\n-- Down Migration\nSELECT 1;\n`);
  await updateManifest(directory);
};
const tables = async (): Promise<unknown[]> =>
  await queryRows(database.url, `select table_name from information_schema.tables where table_schema = 'public'`);
const recorded = async (): Promise<unknown[]> =>
  await queryRows(
    database.url,
    'select name from ops.migrations join ops.migration_checksums using (name) order by id',
  );

describe('a failing migration', () => {
  it('is rolled back as a whole with all that ran before it, and the next run starts clean', async () => {
    await add('900_half.sql', 'CREATE TABLE half_done (id int); SELECT 1 / 0;');
    await expect(up()).rejects.toThrow(/Nothing was changed.*division by zero/);
    expect(await tables()).toEqual([]);
    expect(await recorded()).toEqual([]);
    await rm(join(directory, '900_half.sql'));
    await cp(join(migrationsDirectory, 'manifest.json'), join(directory, 'manifest.json'));
    expect(await up()).toContain('002_identity');
  });
});

describe('two runs at once', () => {
  it('both succeed, and each file is applied once', async () => {
    const [one, two] = await Promise.all([up(), up()]);
    const applied = [...one, ...two];
    expect(new Set(applied).size).toBe(applied.length);
    expect([one.length, two.length]).toContain(0);
    expect(await recorded()).toEqual(applied.map((name) => ({ name })));
  });
});

describe('a file that changed', () => {
  it('is refused by name when it no longer fits the manifest', async () => {
    await writeFile(join(directory, '002_identity.sql'), '-- Up Migration\n-- Down Migration\n');
    await expect(up()).rejects.toThrow(/002_identity\.sql/);
  });

  it('is refused by name when it is not what was applied to this database, whatever the manifest says', async () => {
    await up();
    const file = join(directory, '002_identity.sql');
    await writeFile(file, `${await readFile(file, 'utf8')}\n-- edited\n`);
    await rm(join(directory, 'manifest.json'));
    await updateManifest(directory);
    await expect(up()).rejects.toThrow(/002_identity\.sql has changed since it was applied/);
    expect(await migrationStatus(database.url, directory)).toContainEqual(
      expect.objectContaining({ name: '002_identity', state: 'changed' }),
    );
  });

  it('cannot be listed anew by --update-manifest, and a file nobody listed is refused', async () => {
    await writeFile(join(directory, '900_new.sql'), '-- Up Migration\n-- Down Migration\n');
    await expect(up()).rejects.toThrow(/900_new\.sql is not in the manifest/);
    await writeFile(join(directory, '001_baseline.sql'), '-- Up Migration\n-- Down Migration\n');
    await expect(updateManifest(directory)).rejects.toThrow(/001_baseline\.sql/);
  });
});

describe('undoing the baseline', () => {
  it('refuses while any table holds a row, and leaves everything as it was', async () => {
    const all = (await up()).length;
    await queryRows(database.url, `insert into users (email) values ('a@example.org')`);
    const before = await tables();
    await expect(down(all)).rejects.toThrow(/table users holds rows.*backup/);
    expect(await tables()).toEqual(before);
    expect(await recorded()).toHaveLength(all);
    expect(await queryRows(database.url, 'select role from users')).toEqual([{ role: 'user' }]);
  });

  it('drops every table of an empty database', async () => {
    const all = (await up()).length;
    expect(await down(all)).toHaveLength(all);
    expect(await tables()).toEqual([]);
    expect(await recorded()).toEqual([]);
  });
});

describe('undoing the restrictions of keys', () => {
  it('turns no restricted key into one that works everywhere', async () => {
    await up();
    await queryRows(
      database.url,
      `insert into api_keys (key_hash, allowed_origins, allowed_ips, allowed_models)
       values ('free', null, null, null), ('origin', '{https://a.example}', null, null),
              ('address', null, '{10.0.0.1}', null), ('model', null, null, '{local/echo}')`,
    );
    await down((await migrationStatus(database.url, directory)).length - 2);
    expect(await queryRows(database.url, 'select key_hash from api_keys where is_active')).toEqual([
      { key_hash: 'free' },
    ]);
  });
});

describe('undoing identity', () => {
  it('turns no revoked, limited or disabled key into one that works', async () => {
    await up();
    await queryRows(database.url, `insert into users (email, disabled_at) values ('off@example.org', now())`);
    await queryRows(
      database.url,
      `insert into api_keys (key_hash, user_id, scopes, revoked_at)
       values ('plain', null, null, null), ('revoked', null, null, now()), ('limited', null, '{chat:read}', null),
              ('disabled', (select id from users), null, null)`,
    );
    await down((await migrationStatus(database.url, directory)).length - 1);
    expect(await queryRows(database.url, 'select key_hash from api_keys where is_active')).toEqual([
      { key_hash: 'plain' },
    ]);
  });
});
