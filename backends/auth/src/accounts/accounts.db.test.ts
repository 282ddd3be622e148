import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scopes } from '#shared/identity/principal.ts';
import { createSessionApp, principalOf, type SessionApp } from '../../../../tests/support/session-app.ts';
import { testAccountLimits } from '../testing/embedded.ts';

let app: SessionApp;
beforeAll(async () => {
  app = await createSessionApp({ limits: testAccountLimits() });
});
afterAll(async () => await app.close());

describe('registering', () => {
  it('gives an account and a session that work at once', async () => {
    const { user, session, email, password } = await app.newcomer();
    expect(user).toMatchObject({ email, name: null, role: 'user', email_confirmed: false });
    expect(session).toMatchObject({ expires_in: 900, token_type: 'bearer' });
    expect((await app.signedIn('login', { email, password })).user.id).toBe(user.id);
  });

  it('answers for a taken address exactly as for a free one, and only its mailbox learns more', async () => {
    const owner = await confirmed('taken@example.org');
    const again = await app.call('POST', 'register', { email: 'Taken@Example.org', password: 'another one' });
    const fresh = await app.call('POST', 'register', { email: 'Fresh@Example.org', password: 'another one' });
    expect(again.status).toBe(201);
    expect(shapeOf(again.text, 'taken@example.org')).toBe(shapeOf(fresh.text, 'fresh@example.org'));
    expect([...again.headers.keys()]).toEqual([...fresh.headers.keys()]);
    expect(again.text).not.toContain(owner.user.id);
    const [toTaken, toFresh] = app.mails.slice(-2);
    expect(toTaken?.subject).toBe('You already have an account');
    expect(app.codeIn(toTaken)).toBe('');
    expect(app.codeIn(toFresh)).toHaveLength(32);
  });

  it('of a taken address leads to an account of its own: both passwords log in, each to its own', async () => {
    const owner = await confirmed('both@example.org');
    const claimant = await app.newcomer('BOTH@example.org', 'their own password');
    const login = async (password: string) =>
      (await app.signedIn('login', { email: 'both@example.org', password })).user;
    expect((await login(owner.password)).id).toBe(owner.user.id);
    expect((await login(claimant.password)).id).toBe(claimant.user.id);
    expect((await login(claimant.password)).email_confirmed).toBe(false);
  });

  it('stores no password: only argon2id, under one salt for an address', async () => {
    await Promise.all([
      app.newcomer('salt@example.org', 'password one'),
      app.newcomer('salt@example.org', 'password two'),
    ]);
    const stored = await app.rows(`select password_hash from credentials where address = 'salt@example.org'`);
    const hashes = stored.map((row) => JSON.stringify(row));
    expect(hashes).toHaveLength(2);
    for (const hash of hashes) expect(hash).toMatch(/\$argon2id\$v=19\$m=8,t=1,p=1\$/);
    expect(new Set(hashes.map((hash) => hash.split('$')[4])).size).toBe(1);
  });
});

describe('logging in', () => {
  it('refuses an unknown address, a wrong password and a disabled user with one and the same answer', async () => {
    const { email, user, password } = await app.newcomer();
    const disabled = await app.newcomer();
    await app.rows('update users set disabled_at = now() where id = $1', [disabled.user.id]);
    const answers = await Promise.all([
      app.call('POST', 'login', { email: 'nobody@example.org', password }),
      app.call('POST', 'login', { email, password: 'wrong horse' }),
      app.call('POST', 'login', { email: disabled.email, password: disabled.password }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401]);
    expect(new Set(answers.map(({ text }) => shapeOf(text, ''))).size).toBe(1);
    expect(answers.every(({ text }) => !text.includes(user.id))).toBe(true);
  });

  it('takes a password in any spelling of its characters', async () => {
    const { email, user } = await app.newcomer('nfkc@example.org', 'passwo\u0308rd \u{1d7d9}');
    expect((await app.signedIn('login', { email, password: 'passw\u00f6rd 1' })).user.id).toBe(user.id);
  });
});

describe('confirming an address', () => {
  it('gives it to the account, and works once', async () => {
    const { email, user, session } = await app.newcomer();
    const token = app.codeIn(app.mails.at(-1));
    expect((await app.call('POST', 'confirm', { token, email: email.toUpperCase() })).status).toBe(200);
    const me = await app.call('GET', 'me', undefined, principalOf({ user, session }));
    expect(me.json()).toMatchObject({ id: user.id, email, email_confirmed: true });
    expect((await app.call('POST', 'confirm', { token, email })).status).toBe(400);
  });

  it('refuses alike what was never valid, is too old, or is for another address, known or not', async () => {
    const { email } = await app.newcomer();
    const token = app.codeIn(app.mails.at(-1));
    const old = await app.newcomer();
    const oldToken = app.codeIn(app.mails.at(-1));
    await app.rows(`update email_confirmations set expires_at = now() where user_id = $1`, [old.user.id]);
    const answers = await Promise.all([
      app.call('POST', 'confirm', { token: 'A'.repeat(32), email }),
      app.call('POST', 'confirm', { token: 'A'.repeat(32), email: 'nobody@example.org' }),
      app.call('POST', 'confirm', { token, email: 'nobody@example.org' }),
      app.call('POST', 'confirm', { token: oldToken, email: old.email }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400]);
    expect(new Set(answers.map(({ text }) => shapeOf(text, ''))).size).toBe(1);
    expect((await app.call('POST', 'confirm', { token, email })).status).toBe(200);
  });

  it('happens once for an address, however many wait for it and try at the same time', async () => {
    const email = 'race@example.org';
    const waiting = await Promise.all([1, 2, 3, 4].map((n) => app.newcomer(email, `password ${n}`)));
    const tokens = app.mails.filter(({ to }) => to === email).map(app.codeIn);
    const answers = await Promise.all(tokens.map((token) => app.call('POST', 'confirm', { token, email })));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, 400, 400, 400]);
    const owners = await app.rows('select id from users where lower(email) = $1', [email]);
    expect(owners).toHaveLength(1);
    expect(waiting.map(({ user }) => ({ id: user.id }))).toContainEqual(owners[0]);
  });

  it('gives an account without a password (imported, or made by an admin) the one that was registered', async () => {
    const [imported] = await app.rows(`insert into users (email) values ('Old@Example.org') returning id`);
    const { email, password, session, user } = await app.newcomer('old@example.org');
    expect((await app.signedIn('login', { email, password })).user.id).toBe(user.id);
    const token = app.codeIn(app.mails.at(-1));
    expect((await app.call('POST', 'confirm', { token, email })).status).toBe(200);
    expect({ id: (await app.signedIn('login', { email, password })).user.id }).toEqual(imported);
    expect((await app.call('POST', 'refresh', { refresh_token: session.refresh_token })).status).toBe(401);
    expect(await app.rows('select kind from revocations where subject_id = $1', [user.id])).toEqual([{ kind: 'user' }]);
  });
});

describe('asking for the mail again', () => {
  it('answers alike for a waiting, a taken and an unknown address; the code before is worth nothing then', async () => {
    await confirmed('has-it@example.org');
    const { email } = await app.newcomer();
    const before = app.codeIn(app.mails.at(-1));
    const sent = app.mails.length;
    const asked = ['has-it@example.org', 'nobody@example.org', email].map((address) =>
      app.call('POST', 'resend-verification', { email: address }),
    );
    const answers = await Promise.all(asked);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(app.mails.slice(sent).map(({ to }) => to)).toEqual([email]);
    expect((await app.call('POST', 'confirm', { token: before, email })).status).toBe(400);
    expect((await app.call('POST', 'confirm', { token: app.codeIn(app.mails.at(-1)), email })).status).toBe(200);
  });
});

describe('the account behind a credential', () => {
  it('can be read and renamed, and the change is on record', async () => {
    const newcomer = await app.newcomer();
    const principal = principalOf(newcomer);
    expect((await app.call('PATCH', 'me', { name: ' Ada ' }, principal)).json()).toMatchObject({ name: 'Ada' });
    expect((await app.call('PATCH', 'me', {}, principal)).json()).toMatchObject({ name: 'Ada' });
    expect((await app.call('GET', 'me', undefined, principal)).json()).toMatchObject({
      id: newcomer.user.id,
      name: 'Ada',
    });
    expect(
      await app.rows('select action from audit_log where user_id = $1 order by sequence', [newcomer.user.id]),
    ).toEqual(['user.registered', 'session.started', 'user.changed'].map((action) => ({ action })));
  });

  it('is nobody without a credential', async () => {
    expect((await app.call('GET', 'me')).status).toBe(403);
  });
});

describe('where addresses must be confirmed', () => {
  it('a session may do nothing before, and all that users may after its next refresh', async () => {
    const strict = await createSessionApp({ confirmation: 'required' });
    const newcomer = await strict.newcomer();
    expect(principalOf(newcomer)).toMatchObject({ scopes: [] });
    await strict.call('POST', 'confirm', { token: strict.codeIn(strict.mails.at(-1)), email: newcomer.email });
    const next = await strict.signedIn('refresh', { refresh_token: newcomer.session.refresh_token });
    expect(principalOf(next).scopes).toEqual(scopes.filter((scope) => scope !== 'admin'));
    await strict.close();
  });
});

describe('answers and logs', () => {
  it('hold no password, no hash and no code', async () => {
    const everything = [...app.answers, ...app.logLines].join('\n');
    expect(app.logLines.length).toBeGreaterThan(20);
    expect(everything).not.toMatch(/argon2|correct horse|their own password/);
    expect(app.logLines.join('\n')).not.toMatch(/gaia_refresh_|eyJ/);
    for (const mail of app.mails.filter((mail) => app.codeIn(mail) !== '')) {
      expect(everything).not.toContain(app.codeIn(mail));
    }
    const stored = await app.rows(`select password_hash h from credentials union select current_hash from sessions`);
    expect(stored.length).toBeGreaterThan(10);
    for (const row of stored) expect(everything).not.toContain(Object.values(row ?? {})[0]);
  });
});

async function confirmed(email: string) {
  const newcomer = await app.newcomer(email);
  await app.call('POST', 'confirm', { token: app.codeIn(app.mails.at(-1)), email });
  return newcomer;
}

/** What is left of an answer when everything that differs between any two of its kind is taken out. */
function shapeOf(text: string, address: string): string {
  return text
    .toLowerCase()
    .replaceAll(address === '' ? /(?!)/g : address, 'address')
    .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, 'id')
    .replaceAll(/\d{4}-\d\d-\d\dt[\d:.]+z/g, 'time')
    .replaceAll(/eyj[\w.-]+|gaia_refresh_\w+|req_\w+/g, 'secret');
}
