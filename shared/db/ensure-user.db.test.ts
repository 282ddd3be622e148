import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, queryRows, type TestDatabase } from '../../tests/support/postgres.ts';
import { silentLog } from '../../tests/support/silent-log.ts';
import { applicationRole } from './application-role.ts';
import { connect, type DatabaseConnection } from './connect.ts';
import { ensureUser } from './ensure-user.ts';

let database: TestDatabase;
let connection: DatabaseConnection;
beforeAll(async () => {
  database = await createTestDatabase();
  connection = connect({ url: database.url, poolSize: 8, log: silentLog });
});
afterAll(async () => {
  await connection.close();
  await database.drop();
});

const rows = async (text: string, id: string) => await queryRows(database.url, text, [id]);
const owned = `insert into conversations (user_id) values ($1) returning user_id`;

describe('a user whom nobody here has seen', () => {
  it('can own something at once, and is on record', async () => {
    const id = randomUUID();
    await expect(rows(owned, id)).rejects.toThrow('foreign key');
    await ensureUser(connection.db, id);
    expect(await rows(owned, id)).toEqual([{ user_id: id }]);
    expect(await rows('select email, name, role from users where id = $1', id)).toEqual([
      { email: null, name: null, role: 'user' },
    ]);
    expect(await rows('select action from audit_log where user_id = $1', id)).toEqual([{ action: 'user.created' }]);
  });

  it('is made once by twenty transactions at the same time, which all succeed', async () => {
    const id = randomUUID();
    const all = Array.from({ length: 20 }, async () => {
      await connection.db.transaction(async (tx) => {
        await ensureUser(tx, id);
        await tx.execute(`insert into conversations (user_id) values ('${id}')`);
      });
    });
    await Promise.all(all);
    expect(await rows('select from conversations where user_id = $1', id)).toHaveLength(20);
    expect(await rows('select from audit_log where user_id = $1', id)).toHaveLength(1);
  });

  it('is not there when the transaction fails', async () => {
    const id = randomUUID();
    const failing = connection.db.transaction(async (tx) => {
      await ensureUser(tx, id);
      throw new Error('nothing came of it');
    });
    await expect(failing).rejects.toThrow('nothing came of it');
    expect(await rows('select from users where id = $1', id)).toEqual([]);
  });

  it('can be made by the role of the application', async () => {
    const id = randomUUID();
    await connection.db.transaction(async (tx) => {
      await tx.execute(`set local role ${applicationRole}`);
      await ensureUser(tx, id);
    });
    expect(await rows('select from users where id = $1', id)).toHaveLength(1);
  });
});

describe('a user who is there', () => {
  it('stays untouched, and is not written to', async () => {
    const [user] = await queryRows(
      database.url,
      `insert into users (email, name, role) values ('there@example.org', 'There', 'admin') returning id::text, xmin::text, *`,
    );
    const { id } = Object.assign({ id: '' }, user);
    await ensureUser(connection.db, id);
    expect(await rows('select id::text, xmin::text, * from users where id = $1', id)).toEqual([user]);
    expect(await rows('select from audit_log where user_id = $1', id)).toEqual([]);
  });
});
