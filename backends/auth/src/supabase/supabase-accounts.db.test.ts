import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testAccountLimits } from '../testing/embedded.ts';
import { createSupabaseApp, principalIn, type SupabaseApp } from '../../../../tests/support/supabase-app.ts';

const password = 'correct horse';

let app: SupabaseApp;
beforeAll(async () => {
  app = await createSupabaseApp();
});
afterAll(async () => await app.close());

describe('registering at Supabase', () => {
  it('makes the account there, and none here before somebody has logged in to it', async () => {
    const answer = await app.call('POST', 'auth/register', { email: 'new@example.org', password, name: 'New' });
    expect(answer.status).toBe(202);
    expect(app.gotrue.users.get('new@example.org')).toMatchObject({ name: 'New', confirmedAt: null });
    expect(await app.rows(`select id from users where name = 'New'`)).toEqual([]);
  });

  it('answers alike for an address that is free, waits, or has an account', async () => {
    app.gotrue.addUser('owner@example.org', password);
    app.gotrue.addUser('waiting@example.org', password, false);
    const answers = await Promise.all(
      ['owner@example.org', 'waiting@example.org', 'free@example.org'].map(
        async (email) => await app.call('POST', 'auth/register', { email, password: 'another one' }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(new Set(answers.map(({ headers }) => [...headers.keys()].join())).size).toBe(1);
  });

  it('answers alike where Supabase confirms by itself and says that an address is taken', async () => {
    const open = await createSupabaseApp({ autoconfirm: true });
    open.gotrue.addUser('owner@example.org', password);
    const taken = await open.call('POST', 'auth/register', { email: 'owner@example.org', password });
    const free = await open.call('POST', 'auth/register', { email: 'free@example.org', password });
    expect([taken.status, taken.text]).toEqual([free.status, free.text]);
    expect(free.text).not.toContain('token');
    expect((await open.logIn('free@example.org', password)).user.email).toBe('free@example.org');
    await open.close();
  });

  it('says what is wrong with a password that Supabase finds too weak', async () => {
    const answer = await app.call('POST', 'auth/register', { email: 'weak@example.org', password: 'weak one' });
    expect(answer.status).toBe(422);
    expect(answer.json()).toMatchObject({ errors: [{ path: 'password' }] });
  });
});

describe('a log-in', () => {
  it('gives the session of Supabase and the mirrored user', async () => {
    const { id } = app.gotrue.addUser('login@example.org', password);
    const { user, session } = await app.logIn('login@example.org', password);
    expect(user).toMatchObject({ id, email: 'login@example.org', email_confirmed: true, role: 'user' });
    expect(session).toMatchObject({ expires_in: 3_600, token_type: 'bearer' });
    const me = await app.call('GET', 'auth/me', undefined, principalIn(session.access_token));
    expect(me.json()).toEqual(user);
  });

  it('refuses an unknown address, a wrong password, an unconfirmed and a disabled account alike', async () => {
    app.gotrue.addUser('known@example.org', password);
    app.gotrue.addUser('unconfirmed@example.org', password, false);
    const disabled = app.gotrue.addUser('disabled@example.org', password);
    await app.rows('insert into users (id, disabled_at) values ($1, now())', [disabled.id]);
    const before = app.gotrue.sessions.size;
    const answers = await Promise.all([
      app.call('POST', 'auth/login', { email: 'nobody@example.org', password }),
      app.call('POST', 'auth/login', { email: 'known@example.org', password: 'wrong' }),
      app.call('POST', 'auth/login', { email: 'unconfirmed@example.org', password }),
      app.call('POST', 'auth/login', { email: 'disabled@example.org', password }),
    ]);
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
    expect(new Set(answers.map(({ text }) => text.replaceAll(/req_\w+/g, ''))).size).toBe(1);
    expect(app.gotrue.sessions.size).toBe(before);
  });
});

describe('a refresh', () => {
  it('gives the next tokens once, and nothing for a spent or made-up token', async () => {
    app.gotrue.addUser('refresh@example.org', password);
    const { session } = await app.logIn('refresh@example.org', password);
    const refresh = async (refresh_token: string) => await app.call('POST', 'auth/refresh', { refresh_token });
    const first = await refresh(session.refresh_token);
    expect(first.status).toBe(200);
    expect(first.text).not.toContain(session.refresh_token);
    expect((await refresh(session.refresh_token)).status).toBe(401);
    expect((await refresh('made up')).status).toBe(401);
  });

  it('gives nothing to a user who was disabled here, and ends the session at Supabase', async () => {
    const { id } = app.gotrue.addUser('later-disabled@example.org', password);
    const { session } = await app.logIn('later-disabled@example.org', password);
    await app.rows('update users set disabled_at = now() where id = $1', [id]);
    const answer = await app.call('POST', 'auth/refresh', { refresh_token: session.refresh_token });
    expect(answer.status).toBe(401);
    expect([...app.gotrue.sessions].filter(({ userId }) => userId === id)).toEqual([]);
  });
});

describe('a log-out', () => {
  it('revokes the session for the edge once, and ends it at Supabase', async () => {
    const { id } = app.gotrue.addUser('logout@example.org', password);
    const { session } = await app.logIn('logout@example.org', password);
    const principal = principalIn(session.access_token);
    expect((await app.call('POST', 'auth/logout', undefined, principal)).status).toBe(204);
    expect((await app.call('POST', 'auth/logout', undefined, principal)).status).toBe(204);
    const revoked = await app.rows('select kind from revocations where subject_id = $1', [principal.sessionId]);
    expect(revoked).toEqual([{ kind: 'session' }]);
    expect([...app.gotrue.sessions].filter(({ userId }) => userId === id)).toEqual([]);
  });

  it('holds while Supabase is away, and its refresh token gives nothing afterwards', async () => {
    app.gotrue.addUser('logout-away@example.org', password);
    const { session } = await app.logIn('logout-away@example.org', password);
    const principal = principalIn(session.access_token);
    app.gotrue.next({ kind: 'hang-up' });
    expect((await app.call('POST', 'auth/logout', undefined, principal)).status).toBe(204);
    expect(await app.rows('select from revocations where subject_id = $1', [principal.sessionId])).toHaveLength(1);
    const answer = await app.call('POST', 'auth/refresh', { refresh_token: session.refresh_token });
    expect(answer.status).toBe(401);
    expect(answer.text).not.toContain('access_token');
  });
});

describe('confirming an address', () => {
  it('works once with the code that Supabase sent, and mirrors the user', async () => {
    const { id, otp } = app.gotrue.addUser('confirm@example.org', password, false);
    const confirm = async (token: string, email = 'confirm@example.org') =>
      await app.call('POST', 'auth/confirm', { token, email });
    const refused = await Promise.all([confirm('000000'), confirm('000000', 'nobody@example.org')]);
    expect(refused.map(({ status }) => status)).toEqual([400, 400]);
    expect((await confirm(otp)).status).toBe(200);
    expect((await confirm(otp)).status).toBe(400);
    expect(await app.rows('select email from users where id = $1', [id])).toEqual([{ email: 'confirm@example.org' }]);
  });

  it('cannot be guessed: tries are counted for every address alike, and Supabase is not asked beyond', async () => {
    const tight = await createSupabaseApp({
      limits: testAccountLimits({ logInByBoth: { attempts: 3, windowSeconds: 900 } }),
    });
    tight.gotrue.addUser('guessed@example.org', password, false);
    const statuses = async (email: string): Promise<number[]> => {
      const seen = [];
      for (const token of ['1', '2', '3', '123456']) {
        seen.push((await tight.call('POST', 'auth/confirm', { token, email })).status);
      }
      return seen;
    };
    expect(await statuses('guessed@example.org')).toEqual([400, 400, 400, 429]);
    expect(await statuses('nobody@example.org')).toEqual([400, 400, 400, 429]);
    expect(tight.gotrue.requests).toHaveLength(6);
    await tight.close();
  });

  it('can be asked for again, with one answer whether or not anybody waits and whatever its limits say', async () => {
    const resend = async (email: string) => await app.call('POST', 'auth/resend-verification', { email });
    const plain = await resend('nobody@example.org');
    const body = JSON.stringify({ code: 429, error_code: 'over_email_send_rate_limit', msg: 'only after 60 seconds' });
    app.gotrue.next({ kind: 'answer', status: 429, body });
    const limited = await resend('waiting@example.org');
    expect([limited.status, limited.text]).toEqual([plain.status, plain.text]);
    expect(plain.status).toBe(200);
  });
});
