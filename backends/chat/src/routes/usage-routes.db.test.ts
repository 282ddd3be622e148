import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { getCurrentBilling, getCurrentUsage, getMonthlyReport, getUsageHistory } from '#shared/contracts/chat-usage.ts';
import { startChatPeople, type ChatPeople, type Person } from '../../../../tests/support/chat-people.ts';
import { dayOf, monthOf } from '../money/usage-report.ts';
import { asUser, createTestChat } from '../testing/chat-app.ts';
import { okBody, recordUse, storeKey, storeUser, totalsOf } from '../testing/usage-world.ts';

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
const [today, month] = [dayOf(now), monthOf(now)];
const daysAgo = (days: number): Date => new Date(now.getTime() - days * 86_400_000);
const use = async (who: Person, cost: number, used: Parameters<typeof recordUse>[3] = {}): Promise<void> =>
  await recordUse(chat.connection.query, who.principal.userId, cost, { at: now, ...used });
const get = async (who: Person, path: string, contract: Parameters<typeof okBody>[0]) =>
  okBody(contract, await who.call('GET', `/api/v0.2/${path}`));

describe('usage', () => {
  it('of today and this month adds up what was metered, by provider, model and key, and of nobody else', async () => {
    await storeUser(chat.rows, me.principal.userId);
    const keyId = await storeKey(chat.rows, me.principal.userId, 'Game');
    await use(me, 1_500_000, { keyId });
    await use(me, 20, { provider: 'anthropic', model: 'claude' });
    await use(me, 0, { status: 'failed', errorCode: 'upstream_failed' });
    await use(me, 0, { status: 'cancelled' });
    await use(me, 7, { at: daysAgo(32) });
    await use(other, 999);
    const answer = await get(me, 'usage/current', getCurrentUsage);
    expect(answer).toMatchObject({
      user_id: me.principal.userId,
      month,
      today: totalsOf(4, 1_500_020, { failed_calls: 1, cancelled_calls: 1 }),
      this_month: totalsOf(4, 1_500_020, { failed_calls: 1, cancelled_calls: 1 }),
      by_provider: [
        { provider: 'openai', ...totalsOf(3, 1_500_000, { failed_calls: 1, cancelled_calls: 1 }) },
        { provider: 'anthropic', ...totalsOf(1, 20) },
      ],
      by_model: [{ model: 'gpt' }, { provider: 'anthropic', model: 'claude', ...totalsOf(1, 20) }],
      by_key: [
        { key_id: keyId, key_name: 'Game', ...totalsOf(1, 1_500_000) },
        { key_id: null, key_name: null, calls: 3, cost_usd: 0.00002 },
      ],
      budgets: [],
    });
  });

  it('of somebody who used nothing is nothing', async () => {
    const answer = await get(me, 'usage/current', getCurrentUsage);
    expect(answer).toMatchObject({ this_month: totalsOf(0, 0), by_provider: [], by_model: [], by_key: [] });
  });

  it('history has every day of the range, used or not, and no other', async () => {
    await use(me, 10);
    await use(me, 20, { at: daysAgo(2) });
    await use(me, 40, { at: daysAgo(3) });
    const answer = await get(me, 'usage/history?days=3', getUsageHistory);
    expect(answer).toMatchObject({ days: 3, from: dayOf(daysAgo(2)), to: today, totals: totalsOf(2, 30) });
    expect(answer['by_day']).toEqual([
      { day: dayOf(daysAgo(2)), ...totalsOf(1, 20) },
      { day: dayOf(daysAgo(1)), ...totalsOf(0, 0) },
      { day: today, ...totalsOf(1, 10) },
    ]);
    const week = await get(me, 'usage/history', getUsageHistory);
    expect(week).toMatchObject({ days: 7, totals: totalsOf(3, 70) });
  });

  it('of a month has all its days, and says whether it goes on', async () => {
    await use(me, 10, { at: new Date('2024-02-29T23:59:59.999Z') });
    await use(me, 20, { at: new Date('2024-03-01T00:00:00Z') });
    const february = await get(me, 'usage/reports/monthly?month=2024-02', getMonthlyReport);
    expect(february).toMatchObject({
      month: '2024-02',
      status: 'closed',
      from: '2024-02-01',
      to: '2024-02-29',
      totals: totalsOf(1, 10),
    });
    expect(february['by_day']).toHaveLength(29);
    const current = await get(me, 'usage/reports/monthly', getMonthlyReport);
    expect(current).toMatchObject({ month, status: 'open', totals: totalsOf(0, 0) });
  });

  it.each(['billing/current', 'usage/billing/current'])('is billed by model at %s', async (path) => {
    await use(me, 2_000_000);
    await use(me, 1, { provider: 'anthropic', model: 'claude' });
    const answer = await get(me, path, getCurrentBilling);
    expect(answer).toMatchObject({
      month,
      status: 'open',
      currency: 'USD',
      total_micros: 2_000_001,
      total_usd: 2.000001,
      charges: [
        { provider: 'openai', model: 'gpt', cost_usd: 2 },
        { provider: 'anthropic', model: 'claude', cost_micros: 1 },
      ],
    });
  });
});

describe('who may read what', () => {
  it('is one’s own, and for admins anybody’s', async () => {
    await use(other, 5);
    const theirs = `user_id=${other.principal.userId}`;
    for (const path of ['usage/current', 'usage/history', 'usage/limits', 'billing/current', 'usage/reports/monthly']) {
      expect((await me.call('GET', `/api/v0.2/${path}?${theirs}`)).status).toBe(403);
      expect((await me.call('GET', `/api/v0.2/${path}?${theirs}&format=csv`)).status).toBe(403);
      expect((await chat.person('chat:read').call('GET', `/api/v0.2/${path}`)).status).toBe(403);
      expect((await admin.call('GET', `/api/v0.2/${path}?${theirs}`)).body).toMatchObject({
        user_id: other.principal.userId,
      });
    }
    expect((await admin.call('GET', `/api/v0.2/usage/current?${theirs}`)).body).toMatchObject({
      this_month: { cost_micros: 5 },
    });
    const own = `user_id=${me.principal.userId.toUpperCase()}`;
    expect((await me.call('GET', `/api/v0.2/usage/current?${own}`)).status).toBe(200);
  });

  it.each([
    'usage/history?days=0',
    'usage/history?days=367',
    'usage/history?days=1.5',
    'usage/history?days=x',
    'usage/history?format=pdf',
    'usage/current?user_id=1',
    'usage/reports/monthly?month=2024-13',
    'usage/reports/monthly?month=2024-1',
    'usage/reports/monthly?month=0000-01',
  ])('is asked for in the documented way only: %s', async (path) => {
    expect((await me.call('GET', `/api/v0.2/${path}`)).status).toBe(422);
  });
});

describe('CSV', () => {
  it.each([
    ['/api/v0.2/usage/history?days=1', 'text/csv', 'text/csv; charset=utf-8; header=present'],
    ['/api/v0.2/usage/reports/monthly?format=csv', '*/*', 'text/csv; charset=utf-8; header=present'],
    ['/api/v0.2/usage/history?days=1', 'application/json, text/csv;q=0.5', 'application/json'],
    ['/api/v0.2/usage/history?format=json', 'text/csv', 'application/json'],
  ])('is sent to who asks for it, as a file: %s as %s', async (path, accept, type) => {
    const { principal } = me;
    const { app } = createTestChat({ db: chat.connection.db, verifyAssertion: async () => principal });
    const { status, headers } = await app.request(path, { headers: { ...asUser('usage:read'), accept } });
    expect([status, headers.get('content-type')]).toEqual([200, type]);
    const isFile = /^attachment; filename="usage-[\d-]+\.csv"$/.test(headers.get('content-disposition') ?? '');
    expect(isFile).toBe(type !== 'application/json');
  });

  it('has a row per day, model and key, and runs in no spreadsheet', async () => {
    await storeUser(chat.rows, me.principal.userId);
    const evil = await storeKey(chat.rows, me.principal.userId, '=HYPERLINK("http://evil","x")');
    await use(me, 1, { keyId: evil, model: '+cmd|calc' });
    await use(me, 1_234_567, { keyId: evil, model: 'a,"b"' });
    await use(me, 3, { at: daysAgo(1), model: '@SUM(A1)' });
    await use(other, 9);
    const { status, text } = await me.call('GET', '/api/v0.2/usage/history?days=2&format=csv');
    expect(status).toBe(200);
    expect(text.split('\r\n')).toEqual([
      'date,operation,provider,model,key_id,key_name,calls,failed_calls,cancelled_calls,input_tokens,cached_input_tokens,output_tokens,total_tokens,cost_micros,cost_usd',
      `${dayOf(daysAgo(1))},chat-completions,openai,'@SUM(A1),,,1,0,0,10,4,5,15,3,0.000003`,
      `${today},chat-completions,openai,'+cmd|calc,${evil},"'=HYPERLINK(""http://evil"",""x"")",1,0,0,10,4,5,15,1,0.000001`,
      `${today},chat-completions,openai,"a,""b""",${evil},"'=HYPERLINK(""http://evil"",""x"")",1,0,0,10,4,5,15,1234567,1.234567`,
      '',
    ]);
  });
});
