import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createSessionApp,
  principalOf,
  type SessionApp,
  type TestSession,
} from '../../../../tests/support/session-app.ts';
import { startManagement } from '../../../../tests/support/auth-management.ts';
import { testAccountLimits } from '../testing/embedded.ts';

const resetUrl = 'https://web.example/reset';

let app: SessionApp;
let clock = Date.now();
beforeAll(async () => {
  app = await createSessionApp({ limits: testAccountLimits(), resetUrl, now: () => new Date(clock) });
});
afterAll(async () => await app.close());

type Newcomer = TestSession & { email: string; password: string };

async function confirmed(email: string): Promise<Newcomer> {
  const newcomer = await app.newcomer(email);
  await app.call('POST', 'confirm', { email, token: app.codeIn(app.mails.at(-1)) });
  return newcomer;
}

async function codeFor(email: string): Promise<string> {
  expect((await app.call('POST', 'forgot-password', { email })).status).toBe(200);
  return app.codeIn(app.mails.at(-1));
}

const reset = async (email: string, token: string, password = 'battery staple') =>
  await app.call('POST', 'reset-password', { email, token, password });
const logInStatus = async (email: string, password: string) =>
  (await app.call('POST', 'login', { email, password })).status;
const refreshStatus = async ({ session }: TestSession) =>
  (await app.call('POST', 'refresh', { refresh_token: session.refresh_token })).status;
const revoked = async (sessionId: string) =>
  await app.rows('select kind from revocations where subject_id = $1', [sessionId]);
const audited = async (userId: string, action: string) =>
  await app.rows('select actor_session_id from audit_log where user_id = $1 and action = $2', [userId, action]);

describe('a forgotten password', () => {
  it('is replaced with the code out of the mail, once, and all sessions end', async () => {
    const owner = await confirmed('forgot@example.org');
    const code = await codeFor('Forgot@Example.org');
    const mail = app.mails.at(-1);
    expect(mail).toMatchObject({ to: owner.email, subject: 'Set a new password' });
    expect(mail?.text).toContain(`${resetUrl}#token=${code}&email=forgot%40example.org`);
    expect((await reset(owner.email, code)).status).toBe(200);
    expect(await logInStatus(owner.email, 'battery staple')).toBe(200);
    expect(await logInStatus(owner.email, owner.password)).toBe(401);
    expect(await refreshStatus(owner)).toBe(401);
    expect(await revoked(principalOf(owner).sessionId)).toEqual([{ kind: 'session' }]);
    expect(await audited(owner.user.id, 'user.password_reset')).toHaveLength(1);
    expect(app.mails.at(-1)).toMatchObject({ to: owner.email, subject: 'Your password was changed' });
    expect((await reset(owner.email, code)).status).toBe(400);
  });

  it('asked for by twenty at once with one code has one winner', async () => {
    const { email } = await confirmed('twenty@example.org');
    const code = await codeFor(email);
    const all = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => await reset(email, code, `password ${i}`)),
    );
    expect(all.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(all.filter(({ status }) => status === 400)).toHaveLength(19);
  });

  it('stays what it is for a code that is made up, for another address, too old, or used up by a change', async () => {
    const { email, password, ...session } = await confirmed('stays@example.org');
    const other = await confirmed('other@example.org');
    const [first, second] = [await codeFor(email), await codeFor(email)];
    const refused = [await reset(email, 'made-up'), await reset(other.email, first)];
    await app.rows(`update password_codes set expires_at = now() where address = 'stays@example.org'`);
    refused.push(await reset(email, second));
    const third = await codeFor(email);
    const change = { current_password: password, new_password: 'changed meanwhile' };
    expect((await app.call('POST', 'change-password', change, principalOf(session))).status).toBe(200);
    refused.push(await reset(email, third));
    expect(refused.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(await logInStatus(email, 'changed meanwhile')).toBe(200);
  });

  it('is answered alike for every address, and only mailboxes learn more', async () => {
    const { email } = await confirmed('known@example.org');
    const claimed = await app.newcomer('claimed@example.org');
    const disabled = await confirmed('disabled@example.org');
    await app.rows('update users set disabled_at = now() where id = $1', [disabled.user.id]);
    const before = app.mails.length;
    const texts = new Set<string>();
    for (const address of [email, claimed.email, disabled.email, 'nobody@example.org']) {
      const answer = await app.call('POST', 'forgot-password', { email: address });
      texts.add(`${answer.status} ${answer.text}`);
    }
    expect(texts.size).toBe(1);
    const sent = app.mails.slice(before).map(({ to, subject }) => ({ to, subject }));
    expect(sent).toEqual([
      { to: email, subject: 'Set a new password' },
      { to: claimed.email, subject: 'There is no account yet' },
    ]);
    expect(app.codeIn(app.mails.at(-1))).toBe('');
  });

  it('is never set where somebody was disabled, or the address moved on, after the mail', async () => {
    const disabled = await confirmed('later-disabled@example.org');
    const moved = await confirmed('moved@example.org');
    const codes = [await codeFor(disabled.email), await codeFor(moved.email)];
    await app.rows('update users set disabled_at = now() where id = $1', [disabled.user.id]);
    await app.rows(`update users set email = 'elsewhere@example.org' where id = $1`, [moved.user.id]);
    await app.rows(`insert into users (email) values ('moved@example.org')`);
    expect((await reset(disabled.email, codes[0] ?? '')).status).toBe(400);
    expect((await reset(moved.email, codes[1] ?? '')).status).toBe(400);
  });

  it('leaves no code in the database, in answers or in logs', async () => {
    const { email } = await confirmed('secret@example.org');
    const code = await codeFor(email);
    const stored = JSON.stringify(await app.rows('select * from password_codes'));
    for (const text of [stored, ...app.answers, ...app.logLines]) expect(text).not.toContain(code);
  });
});

describe('a password that is changed', () => {
  it('ends every session, and gives a new one that works', async () => {
    const owner = await confirmed('change@example.org');
    const elsewhere = await app.signedIn('login', { email: owner.email, password: owner.password });
    const body = { current_password: owner.password, new_password: 'battery staple' };
    const answer = await app.call('POST', 'change-password', body, principalOf(owner));
    expect(answer.status).toBe(200);
    expect([await refreshStatus(owner), await refreshStatus(elsewhere)]).toEqual([401, 401]);
    for (const session of [owner, elsewhere]) expect(await revoked(principalOf(session).sessionId)).toHaveLength(1);
    const fresh = await app.signedIn('login', { email: owner.email, password: 'battery staple' });
    expect(await refreshStatus(fresh)).toBe(200);
    expect(await revoked(principalOf(fresh).sessionId)).toEqual([]);
    expect(await audited(owner.user.id, 'user.password_changed')).toHaveLength(1);
    expect(answer.text).toContain('refresh_token');
  });

  it('needs the one before, and stays what it is without it, with a key, or for a weak one', async () => {
    const owner = await confirmed('needs@example.org');
    const change = async (current_password: string, new_password: string, principal: object = principalOf(owner)) =>
      (
        await app.call(
          'POST',
          'change-password',
          { current_password, new_password },
          { ...principalOf(owner), ...principal },
        )
      ).status;
    expect(await change('wrong horse', 'battery staple')).toBe(422);
    expect(await change(owner.password, 'short')).toBe(422);
    expect(await change(owner.password, 'battery staple', { keyId: crypto.randomUUID() })).toBe(400);
    expect(await logInStatus(owner.email, owner.password)).toBe(200);
    expect(await refreshStatus(owner)).toBe(200);
  });

  it('cannot be guessed by whoever found a session', async () => {
    const logInByBoth = { attempts: 3, windowSeconds: 900 };
    const tight = await createSessionApp({ limits: testAccountLimits({ logInByBoth }) });
    const owner = await tight.newcomer();
    const statuses = [];
    for (const current_password of ['a', 'b', 'c', owner.password]) {
      const body = { current_password, new_password: 'battery staple' };
      statuses.push((await tight.call('POST', 'change-password', body, principalOf(owner))).status);
    }
    expect(statuses).toEqual([422, 422, 422, 429]);
    await tight.close();
  });
});

describe('somebody for whom an administrator made an account', () => {
  it('gets a mail with a code, sets a password, and is in', async () => {
    const gaia = await startManagement();
    const admin = gaia.session(await gaia.addUser({ role: 'admin' }), ['admin']);
    const made = await admin('POST', '/api/v1/admin/users', { email: 'invited@example.org', name: 'Invited' });
    expect(made.status).toBe(201);
    const [mail] = gaia.mails;
    expect(mail).toMatchObject({ to: 'invited@example.org', subject: 'You have an account' });
    const token = app.codeIn(mail);
    expect(made.text).not.toContain(token);
    const nobody = gaia.as({ kind: 'anonymous' });
    const set = { email: 'Invited@example.org', token, password: 'battery staple' };
    expect((await nobody('POST', '/api/v1/auth/reset-password', set)).status).toBe(200);
    const login = await nobody('POST', '/api/v1/auth/login', { email: set.email, password: set.password });
    expect(login.body).toMatchObject({ user: { name: 'Invited', email_confirmed: true } });
    expect((await nobody('POST', '/api/v1/auth/reset-password', set)).status).toBe(400);
    await gaia.close();
  });
});
