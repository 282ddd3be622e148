import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ensureApplicationLogin } from '#shared/db/application-role.ts';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { randomBase62 } from '#shared/id.ts';
import { createTestDatabase, queryRows, type TestDatabase } from '../../../../tests/support/postgres.ts';
import { silentLog } from '../../../../tests/support/silent-log.ts';
import { admissionOf, caller, fieldOf, outcomeOf, startMeteredProcess } from '../testing/metered.ts';
import { createMeteringUpkeep } from './metering-upkeep.ts';

const login = `gaia_test_${randomBase62(8).toLowerCase()}`;
let database: TestDatabase;
/** Of the role of the application, which can neither make nor drop a table. */
let url: string;
let connection: DatabaseConnection;
beforeAll(async () => {
  database = await createTestDatabase();
  url = await ensureApplicationLogin(database.url, 'secret', login);
  connection = connect({ url, poolSize: 4, log: silentLog });
});
beforeEach(async () => {
  await rows('truncate usage_events');
});
afterAll(async () => {
  await connection.close();
  await queryRows(database.url, `drop role ${login}`);
  await database.drop();
});

const rows = async (text: string, values: unknown[] = []): Promise<unknown[]> =>
  await queryRows(database.url, text, values);
const month = (offset: number): Date => {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + offset, 1));
};
const nameOf = (offset: number): string => `usage_events_${month(offset).toISOString().slice(0, 7).replace('-', '')}`;
const partitions = async (): Promise<unknown[]> =>
  await rows(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'usage_events'::regclass order by 1`,
  );
const named = (...names: string[]) => names.sort().map((name) => ({ name }));
const tidy = async (retentionMonths = 13): Promise<void> =>
  await createMeteringUpkeep({ db: connection.db, retentionMonths }).tidy();
const recordAt = async (...moments: Date[]): Promise<void> => {
  const metering = startMeteredProcess({ url });
  for (const at of moments)
    await metering.settle({ ...(await metering.admit(admissionOf(caller()))), at }, outcomeOf());
  await metering.close();
};
const places = async (): Promise<unknown[]> =>
  await rows('select tableoid::regclass::text as name, at from usage_events order by at');

describe('the partitions of usage events', () => {
  it('are made for this month and two ahead, by the role of the application, however many ask at once', async () => {
    await rows(`drop table ${nameOf(1)}`);
    await Promise.all([tidy(), tidy(), tidy()]);
    await tidy();
    expect(await partitions()).toEqual(named('usage_events_default', nameOf(0), nameOf(1), nameOf(2)));
  });

  it('begin and end at midnight in UTC, to the millisecond', async () => {
    const last = new Date(month(1).getTime() - 1);
    await recordAt(month(0), last, month(1));
    expect(await places()).toEqual([
      { name: nameOf(0), at: month(0) },
      { name: nameOf(0), at: last },
      { name: nameOf(1), at: month(1) },
    ]);
  });

  it('take over what came while there was none, and no event is ever refused', async () => {
    await rows(`drop table ${nameOf(1)}`);
    await recordAt(month(1), new Date('1999-12-31'));
    expect(await places()).toMatchObject([{ name: 'usage_events_default' }, { name: 'usage_events_default' }]);
    await rows(`select make_usage_partitions(2)`);
    expect(await places()).toMatchObject([{ name: 'usage_events_default' }, { name: nameOf(1), at: month(1) }]);
  });

  it('are dropped when they are older than what is kept, with what is that old by default, and no others', async () => {
    for (const offset of [-14, -13, -1]) {
      await rows(
        `create table ${nameOf(offset)} partition of usage_events
         for values from ('${month(offset).toISOString()}') to ('${month(offset + 1).toISOString()}')`,
      );
    }
    await recordAt(month(-20), month(-14), month(-13), month(-1), month(0));
    await tidy(13);
    expect((await places()).map((place) => fieldOf(place, 'name'))).toEqual([nameOf(-13), nameOf(-1), nameOf(0)]);
    await tidy(2);
    expect(await partitions()).toEqual(named('usage_events_default', nameOf(-1), nameOf(0), nameOf(1), nameOf(2)));
    expect(await rows(`select sum(calls)::int as calls from usage_days`)).not.toEqual([{ calls: null }]);
  });

  it.each([1, 0, -5])('are never dropped young: %i months are refused', async (months) => {
    await expect(tidy(months)).rejects.toThrow('Query failed');
    expect(await partitions()).toHaveLength(5);
  });

  it.each(['create table mine (id int)', 'drop table usage_events_default', 'truncate usage_events'])(
    'are out of reach of the application otherwise: %s',
    async (statement) => {
      await expect(queryRows(url, statement)).rejects.toMatchObject({ code: '42501' });
    },
  );
});
