import { neon, neonConfig, NeonDbError } from '@neondatabase/serverless';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { createNeonHttp, type NeonHttp } from './neon-http.ts';
import { createEmptyDatabase, type TestDatabase } from './postgres.ts';

let database: TestDatabase;
let server: NeonHttp;
let sql: ReturnType<typeof neon<false, false>>;

beforeAll(async () => {
  database = await createEmptyDatabase();
  server = await createNeonHttp({ url: database.url });
  neonConfig.fetchEndpoint = () => server.endpoint;
  sql = neon(database.url);
});

afterAll(async () => {
  await server.close();
  await database.drop();
});

beforeEach(async () => {
  await sql`drop table if exists thing`;
  await sql`create table thing (id bigint primary key, name text not null, made timestamptz, tags text[], extra jsonb)`;
});

test('answers a query with every common type parsed as the driver parses it', async () => {
  const made = new Date('2026-01-02T03:04:05.678Z');
  await sql`insert into thing values (${'9007199254740993'}, ${'Ærø "1"'}, ${made}, ${['a', 'b,c']}, ${JSON.stringify({ n: 1 })})`;
  const rows = await sql`select *, 1 as one, true as yes, null as nothing, 1.5::float8 as half from thing`;
  expect(rows).toEqual([
    {
      id: '9007199254740993',
      name: 'Ærø "1"',
      made,
      tags: ['a', 'b,c'],
      extra: { n: 1 },
      one: 1,
      yes: true,
      nothing: null,
      half: 1.5,
    },
  ]);
});

test('gives fields, command and count with full results, and rows as arrays when asked', async () => {
  const full = await sql.query('select 1 as a, 2 as a', [], { fullResults: true, arrayMode: true });
  expect(full).toMatchObject({ command: 'SELECT', rowCount: 1, rows: [[1, 2]] });
  expect(full.fields).toMatchObject([
    { name: 'a', dataTypeID: 23 },
    { name: 'a', dataTypeID: 23 },
  ]);
});

test('an error is 400 with the fields of Postgres', async () => {
  await sql`insert into thing (id, name) values (1, 'one')`;
  const error: unknown = await sql`insert into thing (id, name) values (1, 'again')`.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(NeonDbError);
  expect(error).toMatchObject({ code: '23505', constraint: 'thing_pkey', table: 'thing', severity: 'ERROR' });
  await expect(sql`select nonsense`).rejects.toMatchObject({ code: '42703', position: '8' });
});

test('a batch is one transaction: all of it, or nothing', async () => {
  const results = await sql.transaction([
    sql`insert into thing (id, name) values (1, 'one')`,
    sql`select count(*)::int as n from thing`,
  ]);
  expect(results[1]).toEqual([{ n: 1 }]);
  const failing = sql.transaction([
    sql`insert into thing (id, name) values (2, 'two')`,
    sql`insert into thing (id, name) values (1, 'again')`,
  ]);
  await expect(failing).rejects.toMatchObject({ code: '23505' });
  expect(await sql`select id from thing`).toEqual([{ id: '1' }]);
});

test('a batch honours isolation level and read-only', async () => {
  const options = { isolationLevel: 'Serializable', readOnly: true } as const;
  const level = await sql.transaction([sql`show transaction_isolation`], options);
  expect(level).toEqual([[{ transaction_isolation: 'serializable' }]]);
  const writing = sql.transaction([sql`insert into thing (id, name) values (1, 'one')`], options);
  await expect(writing).rejects.toMatchObject({ code: '25006' });
});

test('refuses another password, another database, and a request without a connection string', async () => {
  const wrongPassword = new URL(database.url);
  wrongPassword.password = 'wrong';
  await expect(neon(wrongPassword.href)`select 1`).rejects.toMatchObject({ code: '28P01' });
  const wrongDatabase = new URL(database.url);
  wrongDatabase.pathname = '/other';
  await expect(neon(wrongDatabase.href)`select 1`).rejects.toMatchObject({ code: '3D000' });
  const bare = await fetch(server.endpoint, { method: 'POST', body: '{"query":"select 1"}' });
  expect(bare.status).toBe(400);
});

test('a Postgres that is away is a server error, not one of the query', async () => {
  const gone = new URL(database.url);
  gone.port = '1';
  const away = await createNeonHttp({ url: gone.href });
  const headers = { 'neon-connection-string': gone.href };
  const answer = await fetch(away.endpoint, { method: 'POST', headers, body: '{"query":"select 1"}' });
  expect(answer.status).toBe(503);
  await away.close();
});
