import { describe, expect, it } from 'vitest';
import { admissionOf, caller, fieldOf, outcomeOf, tally } from '../testing/metered.ts';
import { useMeteredDatabase } from '../../../../tests/support/metered-database.ts';

const { start, rows } = useMeteredDatabase();

type Minute = { requests: number; tokens: number };

/** A test that runs over the end of a minute sees two of them. What holds, holds in each. */
const minutesOf = async (id: string | null): Promise<Minute[]> => {
  const found = await rows('select requests, tokens::int from minute_counters where subject_id = $1 order by minute', [
    id,
  ]);
  return found.map((row) => ({ requests: Number(fieldOf(row, 'requests')), tokens: Number(fieldOf(row, 'tokens')) }));
};

describe('calls a minute', () => {
  it('are never more than the limit, in two processes at once, and never fewer', async () => {
    const user = caller({ rpm: 25 });
    const both = [start(), start()];
    const { done, codes } = await tally(
      both.flatMap((one) => repeat(40, async () => await one.admit(admissionOf(user)))),
    );
    const minutes = await minutesOf(user.keyId);
    expect(Math.max(...minutes.map(({ requests }) => requests))).toBe(25);
    expect(minutes.reduce((sum, { requests }) => sum + requests, 0)).toBe(done);
    expect(codes).toEqual(['rate_limited']);
  });

  it('are told in the headers of both answers, for a session as for a key', async () => {
    const user = caller({ rpm: 1, tpm: 100 }, { keyId: null });
    const metering = start();
    const { headers } = await metering.admit(admissionOf(user, 0, 40));
    expect(headers['ratelimit-policy']).toBe('"rpm-chat";q=1;w=60, "tpm";q=100;w=60');
    expect(headers['ratelimit']).toMatch(/^"rpm-chat";r=0;t=\d+, "tpm";r=60;t=\d+$/);
    const refused = await metering.admit(admissionOf(user)).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'rate_limited',
      message: 'This session may make 1 calls a minute',
    });
    expect(refused).toHaveProperty(
      'options.headers.ratelimit',
      expect.stringMatching(/^"rpm-chat";r=0;t=\d+, "tpm";r=60;t=\d+$/),
    );
    expect(refused).toHaveProperty('options.retryAfterSeconds', expect.toSatisfy(isPartOfMinute));
  });

  it('are not taken by calls that are refused for another reason', async () => {
    const user = caller({ rpm: 2, concurrency: 1 });
    const metering = start();
    const first = await metering.admit(admissionOf(user));
    await tally(repeat(5, async () => await metering.admit(admissionOf(user))));
    await metering.settle(first, outcomeOf());
    await metering.settle(await metering.admit(admissionOf(user)), outcomeOf());
    expect((await minutesOf(user.keyId)).reduce((sum, { requests }) => sum + requests, 0)).toBe(2);
  });
});

describe('tokens a minute', () => {
  it('are held back at their worst while calls run, in two processes at once', async () => {
    const user = caller({ tpm: 1_000 });
    const both = [start(), start()];
    await tally(both.flatMap((one) => repeat(20, async () => await one.admit(admissionOf(user, 0, 150)))));
    expect(Math.max(...(await minutesOf(user.keyId)).map(({ tokens }) => tokens))).toBe(900);
  });

  it('count as what they really were once a call is over, so that there is room again', async () => {
    const user = caller({ tpm: 1_000 });
    const metering = start();
    for (let i = 0; i < 5; i++)
      await metering.settle(await metering.admit(admissionOf(user, 0, 800)), outcomeOf(0, 40));
    expect((await minutesOf(user.keyId)).reduce((sum, { tokens }) => sum + tokens, 0)).toBe(200);
    await metering.settle(await metering.admit(admissionOf(user, 0, 100)), outcomeOf(0, 2_000));
    const over = (await minutesOf(user.keyId)).some(({ tokens }) => tokens > 1_000);
    expect(over).toBe(true);
  });

  it('are granted in part to a call that makes do with less, and one that can never fit is told so', async () => {
    const user = caller({ tpm: 1_000 });
    const metering = start();
    const admitted = await metering.admit({ ...admissionOf(user, 0, 5_000), least: { micros: 0, tokens: 10 } });
    expect(admitted.granted.tokens).toBe(1_000);
    await expect(metering.admit(admissionOf(user, 0, 5_000))).rejects.toMatchObject({
      code: 'rate_limited',
      options: { headers: { 'x-should-retry': 'false' } },
    });
  });
});

describe('calls at once', () => {
  it('are never more than the limit, in two processes at once, and there is room when one is over', async () => {
    const user = caller({ concurrency: 7 });
    const sibling = caller({ concurrency: 1 }, { userId: user.userId });
    const [one, two] = [start(), start()];
    await one.admit(admissionOf(sibling));
    const attempts = [one, two].flatMap((metering) =>
      repeat(20, async () => ({ metering, admitted: await metering.admit(admissionOf(user)) })),
    );
    expect(await tally(attempts)).toEqual({ done: 7, codes: ['rate_limited'] });
    const [open] = (await Promise.allSettled(attempts)).flatMap((result) =>
      result.status === 'fulfilled' ? [result.value] : [],
    );
    if (!open) throw new Error('nothing was admitted');
    await open.metering.settle(open.admitted, outcomeOf(0, 0, { status: 'cancelled' }));
    expect(await tally(repeat(2, async () => await two.admit(admissionOf(user))))).toMatchObject({ done: 1 });
  });
});

describe('many users at once', () => {
  it('never lock each other out, whatever the order of their calls in two processes', async () => {
    const users = Array.from({ length: 12 }, () => caller({ rpm: 1_000, tpm: 1_000_000, concurrency: 1_000 }));
    const both = [start(), start()];
    const turns = repeat(600, async (i) => {
      const user = users[Math.floor(Math.random() * users.length)] ?? caller();
      const metering = both[i % 2] ?? start();
      await metering.settle(await metering.admit(admissionOf(user, 5, 5)), outcomeOf(5, 5));
    });
    expect(await tally(turns)).toEqual({ done: 600, codes: [] });
    const [counted] = await rows(
      'select count(*)::int as n, sum(cost_micros)::int as cost from usage_events where user_id = any($1)',
      [users.map(({ userId }) => userId)],
    );
    expect(counted).toEqual({ n: 600, cost: 3_000 });
    expect(both.flatMap(({ logLines }) => logLines)).toEqual([]);
  });
});

function isPartOfMinute(seconds: number): boolean {
  return seconds > 0 && seconds <= 60;
}

function repeat<T>(times: number, work: (i: number) => Promise<T>): Promise<T>[] {
  return Array.from({ length: times }, async (_, i) => await work(i));
}
