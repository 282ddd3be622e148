import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BudgetState, getUsageLimits } from '#shared/contracts/chat-usage.ts';
import { startChatPeople, type ChatPeople, type Person } from '../../../../tests/support/chat-people.ts';
import { createMeteringStore } from '../store/metering-store.ts';
import { caller } from '../testing/metered.ts';
import { okBody, recordUse, storeKey, storeUser } from '../testing/usage-world.ts';

let chat: ChatPeople;
let me: Person;
let other: Person;
let admin: Person;
beforeAll(async () => {
  chat = await startChatPeople();
});
beforeEach(() => {
  [me, other, admin] = [chat.person('usage:read'), chat.person('usage:read'), chat.person('admin')];
});
afterAll(async () => {
  await chat.close();
});

const now = new Date();
const use = async (who: Person, cost: number, used: Parameters<typeof recordUse>[3] = {}): Promise<void> =>
  await recordUse(chat.connection.query, who.principal.userId, cost, { at: now, ...used });
const get = async (who: Person, path: string, contract: Parameters<typeof okBody>[0]) =>
  okBody(contract, await who.call('GET', `/api/v0.2/${path}`));

describe('limits', () => {
  it('are the caller’s own, with what is used of them and what holds for all keys', async () => {
    await storeUser(chat.rows, me.principal.userId);
    const limited = caller({ rpm: 5, concurrency: 2 }, { userId: me.principal.userId, scopes: ['usage:read'] });
    const id = await storeKey(chat.rows, me.principal.userId, 'Game', { budget: { usd: 2, window: 'month' } });
    await storeKey(chat.rows, me.principal.userId, 'Free');
    await storeUser(chat.rows, other.principal.userId);
    await storeKey(chat.rows, other.principal.userId, 'Theirs', { budget: { usd: 1, window: 'day' } });
    await use(me, 500_000, { keyId: id });
    await chat.rows(
      `insert into reservations values (gen_random_uuid(), $1, $2, 250000, null, now(), now() + interval '1 minute')`,
      [me.principal.userId, id],
    );
    const answer = await get(me, 'usage/limits', getUsageLimits);
    expect(answer).toMatchObject({
      key_id: null,
      limits: { rpm: null, tpm: null, concurrency: null },
      used: { requests_this_minute: 0, tokens_this_minute: 0, running: 0 },
      budgets: [
        {
          subject: 'key',
          id,
          name: 'Game',
          window: 'month',
          limit_usd: 2,
          spent_usd: 0.5,
          reserved_usd: 0.25,
          remaining_usd: 1.25,
          resets_at: new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1)).toISOString(),
        },
      ],
    });
    const store = createMeteringStore({ query: chat.connection.query, leaseSeconds: 60 });
    const free = { micros: 0, tokens: 0 };
    await store.admit([{ callId: randomUUID(), ...limited, worst: free, least: free }]);
    const mine = await get(chat.as(limited), 'usage/limits', getUsageLimits);
    expect(mine).toMatchObject({
      key_id: limited.keyId,
      limits: { rpm: 5, tpm: null, concurrency: 2 },
      used: { requests_this_minute: 1, running: 1 },
    });
  });
});

describe('the budget of a user', () => {
  const path = (id: string): string => `/api/v0.2/usage/budgets/users/${id}`;

  it('is given, shown, changed and taken back by admins, all of it on record', async () => {
    await storeUser(chat.rows, me.principal.userId);
    await use(me, 400_000);
    const id = me.principal.userId;
    expect((await admin.call('GET', path(id))).status).toBe(404);
    const given = await admin.call('PUT', path(id), { usd: 1.000001, window: 'month' });
    expect([given.status, BudgetState.strict().parse(given.body)]).toMatchObject([
      200,
      { subject: 'user', id, limit_micros: 1_000_001, spent_micros: 400_000, remaining_usd: 0.600001 },
    ]);
    expect((await admin.call('GET', path(id))).body).toEqual(given.body);
    expect((await me.call('GET', '/api/v0.2/usage/current')).body).toMatchObject({ budgets: [given.body] });
    const total = await admin.call('PUT', path(id), { usd: 0, window: 'total' });
    expect(total.body).toMatchObject({ window: 'total', limit_usd: 0, remaining_usd: 0, resets_at: null });
    for (const _ of [1, 2]) expect((await admin.call('DELETE', path(id))).status).toBe(204);
    expect((await admin.call('GET', path(id))).status).toBe(404);
    const log = await chat.rows(
      `select action, actor_user_id as actor, before, after from audit_log where user_id = $1 order by sequence`,
      [id],
    );
    const record = { action: 'user.budget_changed', actor: admin.principal.userId };
    const [first, second] = [
      { window: 'month', limit_usd: 1.000001 },
      { window: 'total', limit_usd: 0 },
    ];
    expect(log).toEqual([
      { ...record, before: null, after: first },
      { ...record, before: first, after: second },
      { ...record, before: second, after: null },
    ]);
  });

  it('is nobody else’s to see or change, and nobody’s whom there is not', async () => {
    await storeUser(chat.rows, me.principal.userId);
    const budget = { usd: 1, window: 'day' };
    for (const [method, body] of [['GET'], ['PUT', budget], ['DELETE']] as const) {
      expect((await me.call(method, path(me.principal.userId), body)).status).toBe(403);
    }
    expect((await admin.call('PUT', path(randomUUID()), budget)).status).toBe(404);
    expect((await admin.call('PUT', path('..%2f'), budget)).status).toBe(404);
    expect(await chat.rows('select from budgets where subject_id = $1', [me.principal.userId])).toEqual([]);
  });

  it.each([
    {},
    { usd: -1, window: 'day' },
    { usd: 1e10, window: 'day' },
    { usd: 0.0000001, window: 'day' },
    { usd: '1', window: 'day' },
    { usd: 1, window: 'year' },
    { usd: 1, window: 'day', x: 1 },
  ])('is refused where it is not one: %j', async (body) => {
    expect((await admin.call('PUT', path(me.principal.userId), body)).status).toBe(422);
  });
});

describe('what older clients report', () => {
  it('is understood and changes nothing', async () => {
    const report = { provider: 'openai', model: 'gpt', tokens: 1_000_000, cost: 5, anything: [1] };
    const { status, body } = await me.call('POST', '/api/v0.2/usage/log', report);
    expect([status, body]).toMatchObject([200, { success: true, recorded: false }]);
    expect(await chat.rows('select from usage_days where user_id = $1', [me.principal.userId])).toEqual([]);
    expect((await me.call('POST', '/api/v0.2/usage/log', { tokens: -1 })).status).toBe(422);
  });
});
