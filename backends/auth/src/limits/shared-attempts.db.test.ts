import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { createTestDatabase, queryRows, type TestDatabase } from '../../../../tests/support/postgres.ts';
import { silentLog } from '../../../../tests/support/silent-log.ts';
import { createSharedAttempts } from '../store/shared-attempts.ts';
import { accountLimits, createAccountLimits, type AccountLimits } from './account-limits.ts';
import { refundAttempt, takeAttempt, type Counted, type SharedAttempts } from './attempts.ts';

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

/** The limits as one process has them; all share the database. */
function process(): { limits: AccountLimits; take: ReturnType<typeof vi.fn<SharedAttempts['take']>> } {
  const shared = createSharedAttempts(connection.db);
  const take = vi.fn<SharedAttempts['take']>(shared.take);
  return { limits: createAccountLimits(accountLimits, { ...shared, take }), take };
}

async function taken(attempts: Counted[]): Promise<number> {
  const outcomes = await Promise.allSettled(attempts.map(async (attempt) => await takeAttempt(attempt)));
  return outcomes.filter(({ status }) => status === 'fulfilled').length;
}

const times = (count: number, attempt: () => Counted): Counted[] => Array.from({ length: count }, attempt);

describe('limits over several processes', () => {
  it('are one limit, exact however the attempts are spread and however many come at once', async () => {
    const processes = [process(), process(), process()];
    const guesses = processes.flatMap(({ limits }) =>
      times(50, () => limits.logIn('guessed@example.org', '192.0.2.1')),
    );
    expect(await taken(guesses)).toBe(20);
    // What one process refuses by itself is asked of nobody.
    for (const { take } of processes) expect(take.mock.calls.length).toBeLessThanOrEqual(20);
  });

  it('refuse in a process what others have used up, say until when, and then without asking', async () => {
    const [one, other] = [process(), process()];
    await taken(times(20, () => one.limits.logIn('spent@example.org', '192.0.2.2')));
    for (let turn = 0; turn < 5; turn++) {
      const refused = takeAttempt(other.limits.logIn('spent@example.org', '192.0.2.2'));
      await expect(refused).rejects.toMatchObject({ code: 'rate_limited', options: { retryAfterSeconds: 45 } });
    }
    expect(other.take).toHaveBeenCalledTimes(1);
  });

  it('count a refused attempt nowhere, and give back what turned out to be fine', async () => {
    const [one, other] = [process(), process()];
    await taken(times(20, () => one.limits.logIn('first@example.org', '192.0.2.3')));
    const rows = async () => await queryRows(database.url, 'select name, free_at from attempts order by name');
    const before = await rows();
    expect(await taken([other.limits.logIn('first@example.org', '192.0.2.3')])).toBe(0);
    expect(await rows()).toEqual(before);
    for (let turn = 0; turn < 25; turn++) {
      const attempt = other.limits.logIn('fine@example.org', '192.0.2.4');
      await takeAttempt(attempt);
      await refundAttempt(attempt);
    }
  });

  it('of mails to one mailbox hold too, and no row tells whose it is', async () => {
    const [one, other] = [process(), process()];
    const sent = [];
    for (let turn = 0; turn < 4; turn++)
      sent.push(await one.limits.mail('m@example.org'), await other.limits.mail('m@example.org'));
    expect(sent.filter(Boolean)).toHaveLength(5);
    expect(JSON.stringify(await queryRows(database.url, 'select * from attempts'))).not.toContain('@');
  });
});
