import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { createTestDatabase, queryRows, type TestDatabase } from '../../../../tests/support/postgres.ts';
import { silentLog } from '../../../../tests/support/silent-log.ts';
import { createBudgetReader } from '../store/budget-store.ts';
import { admissionOf, caller, outcomeOf, startMeteredProcess, tally } from '../testing/metered.ts';
import { startBudgetBook, type BudgetBook, type BudgetReader } from './budget-book.ts';

let database: TestDatabase;
let connection: DatabaseConnection;
let read: BudgetReader;
const books: BudgetBook[] = [];
beforeAll(async () => {
  database = await createTestDatabase();
  connection = connect({ url: database.url, poolSize: 2, log: silentLog });
  read = createBudgetReader(connection.db);
});
afterEach(() => {
  for (const book of books.splice(0)) book.stop();
});
afterAll(async () => {
  await connection.close();
  await database.drop();
});

const start = (reader = read): BudgetBook => {
  const book = startBudgetBook({ read: reader, log: silentLog, pollMs: 3_600_000 });
  books.push(book);
  return book;
};
const give = `insert into budgets (subject_kind, subject_id, period, limit_micros) values ('user', $1, 'day', $2)
  on conflict (subject_kind, subject_id) do update set limit_micros = excluded.limit_micros`;

describe('the book of budgets', () => {
  it('takes nobody for free of whom the database has not said so', async () => {
    const book = start();
    const user = caller();
    await book.refresh();
    expect(book.isFree(user)).toBe(false);
    book.noteFree(user);
    expect(book.isFree(user)).toBe(true);
    expect(book.isFree(caller({}, { userId: user.userId }))).toBe(false);
  });

  it('learns of budgets that are given and taken back, of which it reads only what changed', async () => {
    const seen: number[] = [];
    const book = start(async (position) => {
      const changes = await read(position);
      seen.push(changes.changed.length);
      return changes;
    });
    const user = caller();
    await book.refresh();
    book.noteFree(user);
    await queryRows(database.url, give, [user.userId, 5]);
    await book.refresh();
    expect(book.isFree(user)).toBe(false);
    await queryRows(database.url, give, [user.userId, null]);
    await book.refresh();
    expect(book.isFree(user)).toBe(true);
    expect(seen.slice(-2)).toEqual([1, 1]);
    // Whatever else runs in this cluster may keep an older transaction open for a while, and what changed is read again.
    await expect.poll(async () => (await book.refresh(), seen.at(-1))).toBe(0);
  });

  it('misses no budget of a transaction that began before it looked and ended after', async () => {
    const book = start();
    const user = caller();
    const slow = new pg.Client({ connectionString: database.url });
    await slow.connect();
    try {
      await slow.query('begin');
      await slow.query(give, [user.userId, 5]);
      await queryRows(database.url, give, [randomUUID(), 5]);
      await book.refresh();
      book.noteFree(user);
      expect(book.isFree(user)).toBe(true);
      await slow.query('commit');
    } finally {
      await slow.end();
    }
    await book.refresh();
    expect(book.isFree(user)).toBe(false);
  });

  it('begins anew where its position is from before the database was restored', async () => {
    expect(await read('18000000000000000000')).toMatchObject({ isComplete: true });
    const { position } = await read(null);
    expect(await read(position)).toMatchObject({ isComplete: false });
  });

  it('keeps a key made a moment ago within its budget from its very first call on', async () => {
    const metering = startMeteredProcess({ url: database.url, bookOptions: { pollMs: 3_600_000 } });
    await metering.book.refresh();
    const user = caller();
    await queryRows(database.url, give, [user.userId, 1_000]);
    const calls = Array.from({ length: 50 }, async () => {
      await metering.settle(await metering.admit(admissionOf(user, 100)), outcomeOf(100));
    });
    expect(await tally(calls)).toEqual({ done: 10, codes: ['budget_exceeded'] });
    await metering.close();
  });
});
