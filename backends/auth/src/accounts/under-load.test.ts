import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createSessionApp, principalOf, type SessionApp } from '../../../../tests/support/session-app.ts';
import { createPasswordHasher } from '../passwords/password-hasher.ts';
import { testAccountLimits } from '../testing/embedded.ts';

/** With passwords as dear as they are in production. */
let app: SessionApp;
vi.setConfig({ testTimeout: 180_000 }); // What is asserted is no time, and a busy machine may take a lot of it.
/** Processor time of one password, on whatever machine this is, and as busy as it is. */
let hashMs: number;

beforeAll(async () => {
  app = await createSessionApp({ limits: testAccountLimits(), passwords: createPasswordHasher() });
  hashMs = await costOfHash();
});
afterAll(async () => await app.close());

describe('log-ins', () => {
  it('of known and unknown addresses cost and take the same, and so do registrations of free and taken ones', async () => {
    const { email } = await app.newcomer();
    const password = 'wrong horse';
    const logIns = await interleaved(25, processorMs, [
      () => app.call('POST', 'login', { email, password }),
      () => app.call('POST', 'login', { email: 'nobody@example.org', password }),
    ]);
    expect(apart(logIns)).toBeLessThan(0.15);
    let next = 0;
    const registrations = await interleaved(25, processorMs, [
      () => app.call('POST', 'register', { email, password }),
      () => app.call('POST', 'register', { email: `free-${++next}@example.org`, password }),
    ]);
    expect(apart(registrations)).toBeLessThan(0.15);
    for (const route of ['resend-verification', 'forgot-password']) {
      const mails = await interleaved(15, () => performance.now(), [
        () => app.call('POST', route, { email }),
        () => app.call('POST', route, { email: 'nobody@example.org' }),
      ]);
      expect(apart(mails)).toBeLessThan(0.25);
    }
  });

  it('two hundred at once stall nobody else, and those that do not fit are told to come back', async () => {
    const { email } = await app.newcomer();
    const reader = await app.newcomer();
    const before = process.threadCpuUsage();
    let hashed = 0;
    const logIns = Array.from({ length: 200 }, async () => {
      const answer = await app.call('POST', 'login', { email, password: 'wrong horse' });
      if (answer.status === 401) hashed += 1;
      return answer;
    });
    for (let turn = 0; turn < 20; turn++) {
      expect((await app.call('GET', 'me', undefined, principalOf(reader))).status).toBe(200);
    }
    // Twenty readers, one after the other, overtook a line that they would have waited for had it been on this thread.
    const hashedMeanwhile = hashed;
    const answers = await Promise.all(logIns);
    expect(hashedMeanwhile).toBeLessThan(hashed);
    expect(hashed).toBeGreaterThanOrEqual(100);
    expect(threadMsSince(before) / hashed).toBeLessThan(hashMs / 2);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([401, 503]));
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.every(({ headers }) => headers.get('retry-after') === '2')).toBe(true);
  });
});

describe('limits', () => {
  it('stop a guesser at one account, whether or not it exists, and leave its sessions and everybody else alone', async () => {
    const limited = await createSessionApp();
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

  it('answer a thousand log-ins to one account at once, most with 429 and at hardly any price', async () => {
    const limited = await createSessionApp({ passwords: createPasswordHasher() });
    const { email } = await limited.newcomer();
    const before = process.cpuUsage();
    const order: number[] = [];
    const attempts = Array.from({ length: 1_000 }, async () => {
      order.push((await limited.call('POST', 'login', { email, password: 'wrong horse' })).status);
    });
    await Promise.all(attempts);
    const { user, system } = process.cpuUsage(before);
    expect(order.filter((status) => status === 401)).toHaveLength(20);
    expect(order.filter((status) => status === 429)).toHaveLength(980);
    // Nobody who is refused waits for a password of somebody else, and no refusal costs anything like one.
    expect(order.lastIndexOf(429)).toBeLessThan(order.lastIndexOf(401));
    expect((user + system) / 1_000).toBeLessThan((20 + 980 / 4) * hashMs);
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

/** The whole process is otherwise idle, so this is the price of the threads that hash. */
async function costOfHash(): Promise<number> {
  const hasher = createPasswordHasher();
  const before = process.cpuUsage();
  for (let turn = 0; turn < 5; turn++) await hasher.hash('correct horse', hasher.newSalt());
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 5_000;
}

/** What this thread alone has computed: hashes on other threads are not in it, and neither is waiting. */
function threadMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.threadCpuUsage(before);
  return (user + system) / 1_000;
}

/** What all threads of this process have computed. Unlike time, it does not tell what else the machine does. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** Measures each of these calls so many times, one after the other in turns, so that a busy machine slows all alike. */
async function interleaved(turns: number, clock: () => number, calls: (() => Promise<unknown>)[]): Promise<number[][]> {
  const times: number[][] = calls.map(() => []);
  for (let turn = 0; turn < turns; turn++) {
    for (const [index, call] of calls.entries()) {
      const startedAt = clock();
      await call();
      times[index]?.push(clock() - startedAt);
    }
  }
  return times;
}

/** How far the lowest are apart, as a part of the smaller. A neighbour only ever adds to what a call takes. */
function apart(times: number[][]): number {
  const lowest = times.map((list) => Math.min(...list));
  return Math.max(...lowest) / Math.min(...lowest) - 1;
}
