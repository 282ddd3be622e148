import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomBase62 } from '../id.ts';
import { createEmptyDatabase, createTestDatabase, queryRows, type TestDatabase } from '../../tests/support/postgres.ts';
import { ensureApplicationLogin } from './application-role.ts';

const login = `gaia_test_${randomBase62(8).toLowerCase()}`;
const password = `p'"%:@/${randomBase62(8)}`;
const denied = { code: '42501' };

let database: TestDatabase;
let url: string;
beforeAll(async () => {
  database = await createTestDatabase();
  url = await ensureApplicationLogin(database.url, password, login);
});
afterAll(async () => {
  await queryRows(database.url, `drop role ${login}`);
  await database.drop();
});

describe('the login of the application', () => {
  it('reads and writes the tables, identity columns included', async () => {
    await queryRows(url, `insert into users (email) values ('role@gaia.test')`);
    await queryRows(url, `update users set name = 'R' where email = 'role@gaia.test'`);
    await queryRows(url, `insert into revocations (kind, subject_id) values ('key', 'k')`);
    await queryRows(url, `delete from revocations`);
    expect(await queryRows(url, `select name from users where email = 'role@gaia.test'`)).toEqual([{ name: 'R' }]);
  });

  it('adds to the audit log and can neither change nor remove what is there', async () => {
    await queryRows(url, `insert into audit_log (action, subject_kind) values ('key.created', 'key')`);
    await expect(queryRows(url, `update audit_log set action = 'x'`)).rejects.toMatchObject(denied);
    await expect(queryRows(url, 'delete from audit_log')).rejects.toMatchObject(denied);
    await expect(queryRows(url, 'truncate audit_log')).rejects.toMatchObject(denied);
    await expect(
      queryRows(
        url,
        `insert into audit_log (id, action, subject_kind)
        select id, 'x', 'x' from audit_log on conflict (id) do update set action = 'x'`,
      ),
    ).rejects.toMatchObject(denied);
    expect(await queryRows(url, 'select action from audit_log')).toEqual([{ action: 'key.created' }]);
  });

  it.each([
    'create table mine (id int)',
    'alter table users add column mine int',
    'drop table api_keys',
    'truncate api_keys',
    'create role mine',
    'create schema mine',
    'grant all on audit_log to public',
    'alter table audit_log owner to gaia_app',
    'set role postgres',
    'select * from ops.migrations',
    'select grant_application_role()',
    'create trigger mine after insert on users for each row execute function revocations_notify()',
  ])('may not: %s', async (statement) => {
    const before = await queryRows(database.url, `select relacl::text from pg_class where relname = 'audit_log'`);
    // A GRANT without the right to it is only a warning.
    await queryRows(url, statement).then(
      () => expect(statement).toMatch(/^grant/),
      (error: unknown) => expect(error).toMatchObject(denied),
    );
    expect(await queryRows(database.url, `select relacl::text from pg_class where relname = 'audit_log'`)).toEqual(
      before,
    );
  });

  it('may ask for partitions of usage, within bounds, and for nothing else in the name of the owner', async () => {
    expect(await queryRows(url, 'select make_usage_partitions(2) as made')).toEqual([{ made: 0 }]);
    expect(await queryRows(url, 'select drop_usage_partitions(2) as dropped')).toEqual([{ dropped: 0 }]);
    await expect(queryRows(url, 'select make_usage_partitions(25)')).rejects.toMatchObject({ code: 'P0001' });
    await expect(queryRows(url, 'select drop_usage_partitions(0)')).rejects.toMatchObject({ code: 'P0001' });
    const asOwner = await queryRows(
      database.url,
      `select p.proname as name, p.proconfig[1] as path,
         exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0) as is_public
       from pg_proc p join pg_namespace n on n.oid = p.pronamespace
       where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema') order by 1`,
    );
    // A path that the caller could choose, or that looked at temporary tables first, would run the caller's code.
    const safe = { path: 'search_path=pg_catalog, public, pg_temp', is_public: false };
    expect(asOwner).toEqual([
      { name: 'drop_usage_partitions', ...safe },
      { name: 'make_usage_partitions', ...safe },
    ]);
  });

  it('may use tables that later migrations make', async () => {
    await queryRows(database.url, 'create table later (id int generated always as identity, at timestamptz)');
    await queryRows(url, 'insert into later (at) values (now())');
    expect(await queryRows(url, 'select id from later')).toEqual([{ id: 1 }]);
  });

  it('keeps what it has when it is ensured again, with the new password', async () => {
    const renewed = await ensureApplicationLogin(database.url, 'another', login);
    expect(await queryRows(renewed, 'select current_user::text as name')).toEqual([{ name: login }]);
    await expect(queryRows(url, 'select 1')).rejects.toMatchObject({ code: '28P01' });
  });

  it('says what to do where the migrations did not run, or roles may not be managed', async () => {
    const empty = await createEmptyDatabase();
    try {
      await expect(ensureApplicationLogin(empty.url, 'p', login)).rejects.toThrow('Run the migrations first.');
    } finally {
      await empty.drop();
    }
    const asApplication = await ensureApplicationLogin(database.url, 'p', login);
    await expect(ensureApplicationLogin(asApplication, 'p', login)).rejects.toThrow('may not manage roles');
  });
});
