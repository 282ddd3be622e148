import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ensureUser } from '#shared/db/ensure-user.ts';
import { createSupabaseApp, principalIn, type SupabaseApp } from '../../../../tests/support/supabase-app.ts';

const password = 'correct horse';

let app: SupabaseApp;
beforeAll(async () => {
  app = await createSupabaseApp();
});
afterAll(async () => await app.close());

const stranger = async () => principalIn(await app.gotrue.tokenFor({ userId: randomUUID(), sessionId: randomUUID() }));
const users = async (id: string) => await app.rows('select email from users where id = $1', [id]);

describe('a user of Supabase', () => {
  it('is mirrored once by twenty log-ins at the same time', async () => {
    const { id } = app.gotrue.addUser('many@example.org', password);
    const all = await Promise.all(
      Array.from({ length: 20 }, async () => await app.logIn('many@example.org', password)),
    );
    expect(new Set(all.map(({ user }) => user.id))).toEqual(new Set([id]));
    expect(await users(id)).toEqual([{ email: 'many@example.org' }]);
    const made = await app.rows(`select from audit_log where user_id = $1 and action = 'user.created'`, [id]);
    expect(made).toHaveLength(1);
  });

  it('is mirrored once by twenty first requests that came with a token only', async () => {
    const principal = await stranger();
    const all = await Promise.all(
      Array.from({ length: 20 }, async () => await app.call('GET', 'auth/me', undefined, principal)),
    );
    expect(all.map(({ status }) => status)).toEqual(all.map(() => 200));
    expect(await users(principal.userId)).toEqual([{ email: null }]);
  });

  it('whom another backend saw first gets address and name here, unless the name was changed since', async () => {
    const first = app.gotrue.addUser('first@example.org', password);
    const second = app.gotrue.addUser('second@example.org', password);
    for (const user of [first, second]) {
      user.name = 'Of Supabase';
      await ensureUser(app.db, user.id);
    }
    const principal = principalIn(await app.gotrue.tokenFor({ userId: second.id, sessionId: randomUUID() }));
    await app.call('PATCH', 'auth/me', { name: null }, principal);
    expect((await app.logIn('first@example.org', password)).user).toMatchObject({
      email: 'first@example.org',
      name: 'Of Supabase',
      email_confirmed: true,
    });
    expect((await app.logIn('second@example.org', password)).user).toMatchObject({ name: null });
  });

  it('can make a key before anything else', async () => {
    const principal = await stranger();
    expect((await app.call('POST', 'keys', { name: 'first' }, principal)).status).toBe(201);
  });

  it('is not made out of a key, or of an id that is none', async () => {
    const userId = randomUUID();
    await app.call('GET', 'auth/me', undefined, { ...(await stranger()), userId, keyId: randomUUID() });
    expect(await users(userId)).toEqual([]);
  });

  it('never becomes somebody else because of an address', async () => {
    const [local] = await app.rows(`insert into users (email) values ('Shared@Example.org') returning id`);
    const { id } = app.gotrue.addUser('shared@example.org', password);
    const { user, session } = await app.logIn('shared@example.org', password);
    expect(user.id).toBe(id);
    expect(local).not.toEqual({ id });
    expect(await users(id)).toEqual([{ email: null }]);
    expect(await app.rows(`select email from users where lower(email) = 'shared@example.org'`)).toEqual([
      { email: 'Shared@Example.org' },
    ]);
    expect((await app.call('GET', 'auth/me', undefined, principalIn(session.access_token))).status).toBe(200);
  });

  it('keeps the row, role and all, that already has its id', async () => {
    const { id } = app.gotrue.addUser('imported@example.org', password);
    await app.rows(`insert into users (id, email, name) values ($1, 'imported@example.org', 'Imported')`, [id]);
    expect((await app.logIn('imported@example.org', password)).user).toMatchObject({ id, name: 'Imported' });
  });

  it('takes a changed address along, unless somebody has it', async () => {
    const moved = app.gotrue.addUser('before@example.org', password);
    await app.logIn('before@example.org', password);
    moved.email = 'after@example.org';
    expect((await app.logIn('before@example.org', password)).user.email).toBe('after@example.org');
    await app.rows(`insert into users (email) values ('third@example.org')`);
    moved.email = 'third@example.org';
    await app.logIn('before@example.org', password);
    expect(await users(moved.id)).toEqual([{ email: null }]);
  });
});

describe('validating', () => {
  const validate = async (token: string) => await app.call('POST', 'auth/validate', { token });

  it('takes tokens of both kinds, and mirrors whose they are', async () => {
    for (const alg of ['HS256', 'ES256'] as const) {
      const userId = randomUUID();
      const answer = await validate(await app.gotrue.tokenFor({ userId, sessionId: randomUUID(), alg }));
      expect(answer.json()).toEqual({ valid: true, auth_type: 'jwt', user_id: userId, error: null });
      expect(await users(userId)).toHaveLength(1);
    }
  });

  it('refuses service tokens, ended sessions, disabled users and tokens somebody touched', async () => {
    const userId = randomUUID();
    const sessionId = randomUUID();
    const token = await app.gotrue.tokenFor({ userId, sessionId });
    const refused = async (shown: string) => expect((await validate(shown)).json()).toMatchObject({ valid: false });
    await refused(await app.gotrue.tokenFor({ userId, sessionId, role: 'service_role' }));
    await refused(`${token.slice(0, -4)}AAAA`);
    expect((await validate(token)).json()).toMatchObject({ valid: true });
    await app.call('POST', 'auth/logout', undefined, principalIn(token));
    await refused(token);
    const other = await app.gotrue.tokenFor({ userId, sessionId: randomUUID() });
    await app.rows('update users set disabled_at = now() where id = $1', [userId]);
    await refused(other);
  });

  it('says 503, and not that a token is wrong, while the keys of Supabase cannot be read', async () => {
    const fresh = await createSupabaseApp();
    const token = await fresh.gotrue.tokenFor({ userId: randomUUID(), sessionId: randomUUID(), alg: 'ES256' });
    for (const status of [500, 200]) {
      fresh.gotrue.next({ kind: 'answer', status, body: '<html>' });
      expect((await fresh.call('POST', 'auth/validate', { token })).status).toBe(503);
    }
    fresh.gotrue.next({ kind: 'hang-up' });
    expect((await fresh.call('POST', 'auth/validate', { token })).status).toBe(503);
    expect((await fresh.call('POST', 'auth/validate', { token })).json()).toMatchObject({ valid: true });
    await fresh.close();
  });
});
