import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSessionApp, principalOf, type SessionApp } from '../../../../tests/support/session-app.ts';
import { createAccountLimits } from '../limits/account-limits.ts';
import { createPasswordHasher } from '../passwords/password-hasher.ts';
import { testAccountLimits } from '../testing/embedded.ts';

/** With passwords as dear as they are in production. */
let app: SessionApp;
/** A stall of our making is there every time; one that a busy machine adds is not. */
const retry = 2;

beforeAll(async () => {
  app = await createSessionApp({ limits: testAccountLimits(), passwords: createPasswordHasher() });
});
afterAll(async () => await app.close());

describe('log-ins', () => {
  it('of known and unknown addresses take the same time, and so do registrations of free and taken ones', async () => {
    const { email } = await app.newcomer();
    const password = 'wrong horse';
    const logIns = await interleaved(25, [
      () => app.call('POST', 'login', { email, password }),
      () => app.call('POST', 'login', { email: 'nobody@example.org', password }),
    ]);
    expect(apart(logIns)).toBeLessThan(0.15);
    let next = 0;
    const registrations = await interleaved(15, [
      () => app.call('POST', 'register', { email, password }),
      () => app.call('POST', 'register', { email: `free-${++next}@example.org`, password }),
    ]);
    expect(apart(registrations)).toBeLessThan(0.15);
    const resends = await interleaved(5, [
      () => app.call('POST', 'resend-verification', { email }),
      () => app.call('POST', 'resend-verification', { email: 'nobody@example.org' }),
    ]);
    expect(apart(resends)).toBeLessThan(0.15);
  });

  it('two hundred at once stall nobody else, and those that do not fit are told to come back', { retry }, async () => {
    const { email } = await app.newcomer();
    const reader = await app.newcomer();
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const logIns = Promise.all(
      Array.from({ length: 200 }, () => app.call('POST', 'login', { email, password: 'wrong horse' })),
    );
    const reads: number[] = [];
    for (let turn = 0; turn < 20; turn++) {
      const startedAt = performance.now();
      expect((await app.call('GET', 'me', undefined, principalOf(reader))).status).toBe(200);
      reads.push(performance.now() - startedAt);
    }
    const answers = await logIns;
    delay.disable();
    expect(delay.max / 1e6).toBeLessThan(100);
    const statuses = answers.map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([401, 503]));
    expect(statuses.filter((status) => status === 401).length).toBeGreaterThanOrEqual(100);
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.every(({ headers }) => headers.get('retry-after') === '2')).toBe(true);
  });
});

describe('limits', () => {
  it('stop a guesser at one account, whether or not it exists, and leave its sessions and everybody else alone', async () => {
    const limited = await createSessionApp({ limits: createAccountLimits() });
    const owner = await limited.newcomer();
    const guess = (email: string) => limited.call('POST', 'login', { email, password: 'wrong horse' });
    for (const email of [owner.email, 'nobody@example.org']) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => guess(email)));
      expect(answers.filter(({ status }) => status === 401)).toHaveLength(20);
      const refused = answers.filter(({ status }) => status === 429);
      expect(refused).toHaveLength(30);
      expect(Number(refused[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
    }
    const next = await limited.signedIn('refresh', { refresh_token: owner.session.refresh_token });
    expect((await limited.call('GET', 'me', undefined, principalOf(next))).status).toBe(200);
    const other = await limited.newcomer();
    expect((await limited.signedIn('login', { email: other.email, password: other.password })).user.id).toBe(
      other.user.id,
    );
    await limited.close();
  });

  it('answer a thousand log-ins to one account at once without a stall, most with 429', { retry }, async () => {
    const limited = await createSessionApp({ limits: createAccountLimits(), passwords: createPasswordHasher() });
    const { email } = await limited.newcomer();
    const delay = monitorEventLoopDelay({ resolution: 5 });
    delay.enable();
    const attempts = Array.from({ length: 1_000 }, () =>
      limited.call('POST', 'login', { email, password: 'wrong horse' }),
    );
    const statuses = (await Promise.all(attempts)).map(({ status }) => status);
    delay.disable();
    expect(statuses.filter((status) => status === 401)).toHaveLength(20);
    expect(statuses.filter((status) => status === 429)).toHaveLength(980);
    expect(delay.max / 1e6).toBeLessThan(100);
    await limited.close();
  });

  it('send no mailbox more than five mails an hour, and do not say so', async () => {
    const limited = await createSessionApp({
      limits: testAccountLimits({ mailByAccount: { attempts: 5, windowSeconds: 3_600 } }),
    });
    const email = 'flooded@example.org';
    const register = () => limited.call('POST', 'register', { email, password: 'long enough' });
    const answers = await Promise.all(Array.from({ length: 8 }, register));
    expect(answers.every(({ status }) => status === 201)).toBe(true);
    expect(limited.mails).toHaveLength(5);
    await limited.close();
  });
});

/** Times each of these calls so many times, one after the other in turns, so that a busy machine slows all alike. */
async function interleaved(turns: number, calls: (() => Promise<unknown>)[]): Promise<number[][]> {
  const times: number[][] = calls.map(() => []);
  for (let turn = 0; turn < turns; turn++) {
    for (const [index, call] of calls.entries()) {
      const startedAt = performance.now();
      await call();
      times[index]?.push(performance.now() - startedAt);
    }
  }
  return times;
}

/** How far the medians are apart, as a part of the smaller. */
function apart(times: number[][]): number {
  const medians = times.map((list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0);
  return Math.max(...medians) / Math.min(...medians) - 1;
}
