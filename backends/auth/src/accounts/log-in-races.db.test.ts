import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { untilWaiting } from '../../../../tests/support/lock-waits.ts';
import {
  createSessionApp,
  principalOf,
  type SessionApp,
  type TestSession,
} from '../../../../tests/support/session-app.ts';
import { createPasswordHasher, type PasswordHasher } from '../passwords/password-hasher.ts';
import { cheapPasswords, testAccountLimits } from '../testing/embedded.ts';

type Newcomer = TestSession & { email: string; password: string };

let app: SessionApp;
/** What the next password that was checked waits for, between the check and all that follows from it. */
let gate: (() => Promise<unknown>) | null = null;
let today = cheapPasswords;
const passwords: PasswordHasher = {
  ...cheapPasswords,
  renewed: async (password, hash) => await today.renewed(password, hash),
  firstMatch: async (password, hashes) => {
    const match = await cheapPasswords.firstMatch(password, hashes);
    const wait = gate;
    gate = null;
    await wait?.();
    return match;
  },
};

beforeAll(async () => {
  app = await createSessionApp({ limits: testAccountLimits(), passwords });
});
afterEach(() => {
  gate = null;
  today = cheapPasswords;
});
afterAll(async () => await app.close());

const logIn = async (email: string, password: string) => await app.call('POST', 'login', { email, password });
const refreshStatus = async ({ session }: TestSession) =>
  (await app.call('POST', 'refresh', { refresh_token: session.refresh_token })).status;
const openSessions = async ({ user }: TestSession) =>
  await app.rows('select from sessions where user_id = $1 and revoked_at is null', [user.id]);

async function confirmed(email: string): Promise<Newcomer> {
  const newcomer = await app.newcomer(email);
  await app.call('POST', 'confirm', { email, token: app.codeIn(app.mails.at(-1)) });
  return newcomer;
}

async function resetWith(email: string): Promise<() => Promise<void>> {
  await app.call('POST', 'forgot-password', { email });
  const reset = { email, token: app.codeIn(app.mails.at(-1)), password: 'battery staple' };
  return async () => expect((await app.call('POST', 'reset-password', reset)).status).toBe(200);
}

describe('a log-in whose password was good when it was checked', () => {
  it('is refused like a wrong one when the password is reset meanwhile', async () => {
    const owner = await confirmed('reset@example.org');
    const wrong = await logIn(owner.email, 'wrong horse');
    gate = await resetWith(owner.email);
    const late = await logIn(owner.email, owner.password);
    const said = [wrong, late].map(({ status, text }) => `${status} ${text.replaceAll(/req_\w+/g, '')}`);
    expect(said[1]).toBe(said[0]);
    expect(late.status).toBe(401);
    expect(await openSessions(owner)).toEqual([]);
    expect((await logIn(owner.email, 'battery staple')).status).toBe(200);
  });

  it('is refused when the password is changed meanwhile', async () => {
    const owner = await confirmed('change@example.org');
    const change = { current_password: owner.password, new_password: 'battery staple' };
    gate = async () => await app.call('POST', 'change-password', change, principalOf(owner));
    expect((await logIn(owner.email, owner.password)).status).toBe(401);
    expect(await openSessions(owner)).toHaveLength(1);
  });

  it('is refused when the user is disabled meanwhile', async () => {
    const owner = await confirmed('disabled@example.org');
    gate = async () => await app.rows('update users set disabled_at = now() where id = $1', [owner.user.id]);
    expect((await logIn(owner.email, owner.password)).status).toBe(401);
    expect(await openSessions(owner)).toHaveLength(1);
  });

  it('gets no scope that the user lost meanwhile', async () => {
    const owner = await confirmed('demoted@example.org');
    await app.rows(`update users set role = 'admin' where id = $1`, [owner.user.id]);
    gate = async () => await app.rows(`update users set role = 'user' where id = $1`, [owner.user.id]);
    const { email, password } = owner;
    expect(principalOf(await app.signedIn('login', { email, password })).scopes).not.toContain('admin');
  });

  it('goes on when another one replaced the hash by that of the same password meanwhile', async () => {
    const owner = await confirmed('renewed@example.org');
    const { email, password } = owner;
    today = createPasswordHasher({ cost: { memory: 16, passes: 1 } });
    gate = async () => expect((await logIn(email, password)).status).toBe(200);
    expect((await logIn(email, password)).status).toBe(200);
    const dear = `select password_hash like '%m=16,%' as "isDear" from credentials where user_id = $1`;
    expect(await app.rows(dear, [owner.user.id])).toEqual([{ isDear: true }]);
    expect((await logIn(email, password)).status).toBe(200);
  });
});

describe('a session that begins while another transaction ends all of them', () => {
  it('ends as well where it came first', async () => {
    const owner = await confirmed('first@example.org');
    const reset = await resetWith(owner.email);
    const holder = new pg.Client({ connectionString: app.databaseUrl });
    await holder.connect();
    // A log-in stops after its session was written, before that is committed.
    await holder.query('begin; lock table audit_log in share mode');
    const { email, password } = owner;
    const loggedIn = app.signedIn('login', { email, password });
    await untilWaiting(app.databaseUrl, 1);
    const resetting = reset();
    await untilWaiting(app.databaseUrl, 2);
    await holder.query('commit');
    await holder.end();
    await resetting;
    expect(await refreshStatus(await loggedIn)).toBe(401);
    expect(await openSessions(owner)).toEqual([]);
  });

  it('ends with the account that only stood in for the owner of an address', async () => {
    const standIn = await app.newcomer('stand-in@example.org');
    const token = app.codeIn(app.mails.at(-1));
    await app.rows(`insert into users (email) values ('stand-in@example.org')`);
    const { email } = standIn;
    gate = async () => expect((await app.call('POST', 'confirm', { email, token })).status).toBe(200);
    expect((await logIn(email, standIn.password)).status).toBe(401);
    expect(await openSessions(standIn)).toEqual([]);
    const told = await app.rows('select kind from revocations where subject_id = $1', [principalOf(standIn).sessionId]);
    expect(told).toEqual([{ kind: 'session' }]);
  });
});
