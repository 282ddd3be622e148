import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { revocations, users } from '#shared/db/schema.ts';
import {
  ordinaryScopes,
  startManagement,
  type Call,
  type Management,
} from '../../../../tests/support/auth-management.ts';

let gaia: Management;
let adminId: string;
let admin: Call;
beforeAll(async () => {
  gaia = await startManagement();
  adminId = await gaia.addUser({ role: 'admin' });
  admin = gaia.session(adminId, ['admin']);
});
afterAll(async () => {
  await gaia.close();
});

const AuditSchema = z.object({
  entries: z.array(
    z.looseObject({
      action: z.string(),
      user_id: z.string().nullable(),
      actor: z.object({ user_id: z.string().nullable(), key_id: z.string().nullable() }),
      address: z.string().nullable(),
      request_id: z.string().nullable(),
      after: z.looseObject({ name: z.string().nullable() }).nullable(),
    }),
  ),
  next: z.string().nullable(),
});
const SignedInSchema = z.object({
  user: z.object({ id: z.string() }),
  session: z.object({ refresh_token: z.string() }),
});
const path = (id: string): string => `/api/v1/admin/users/${id}`;

async function audit(call: Call, query = '?limit=100'): Promise<z.infer<typeof AuditSchema>> {
  return AuditSchema.parse((await call('GET', `/api/v1/audit${query}`)).body);
}

describe('administrators', () => {
  it('create, list and read users, and an address that is taken is a conflict', async () => {
    const created = await admin('POST', '/api/v1/admin/users', { email: 'New@Gaia.test', name: 'New' });
    expect(created).toMatchObject({ status: 201, body: { email: 'new@gaia.test', role: 'user', disabled_at: null } });
    const { id } = z.object({ id: z.string() }).parse(created.body);
    expect((await admin('GET', path(id))).body).toEqual(created.body);
    expect((await admin('GET', '/api/v1/admin/users?limit=1')).body).toMatchObject({ users: [created.body] });
    expect((await admin('POST', '/api/v1/admin/users', { email: 'NEW@gaia.test' })).status).toBe(409);
  });

  it('disable and enable a user: keys stop and work again, sessions are ended, the edge hears of both', async () => {
    const userId = await gaia.addUser();
    const { key } = await gaia.createKey(gaia.session(userId));
    expect((await admin('PATCH', path(userId), { disabled: true })).status).toBe(200);
    expect(await gaia.resolve(key)).toBeNull();
    expect((await gaia.session(userId)('POST', '/api/v1/keys', { name: 'k' })).status).toBe(401);
    expect((await admin('PATCH', path(userId), { disabled: true })).status).toBe(200);
    expect((await admin('PATCH', path(userId), { disabled: false })).body).toMatchObject({ disabled_at: null });
    expect(await gaia.resolve(key)).not.toBeNull();
    const told = await gaia.connection.db.select().from(revocations).where(eq(revocations.subjectId, userId));
    expect(told.map(({ kind }) => kind)).toEqual(['user', 'user']);
  });

  it.each([
    ['disabled, also once they are enabled again', { disabled: true }, { disabled: false }],
    ['given another role', { role: 'admin' }, { role: 'user' }],
  ])('end every session of somebody who is %s, so that no refresh token brings one back', async (_what, ...changes) => {
    const anybody = gaia.as({ kind: 'anonymous' });
    const login = { email: `${crypto.randomUUID()}@gaia.test`, password: 'correct horse' };
    const { user, session } = SignedInSchema.parse((await anybody('POST', '/api/v1/auth/register', login)).body);
    const { refresh_token } = session;
    for (const change of changes) expect((await admin('PATCH', path(user.id), change)).status).toBe(200);
    expect((await anybody('POST', '/api/v1/auth/refresh', { refresh_token })).status).toBe(401);
    // One by one, because a token that is just being made may say a later time than what ends all of the user's.
    const told = await gaia.connection.db.execute(sql`
      select kind from revocations where kind = 'session' and subject_id in
        (select id::text from sessions where user_id = ${user.id})`);
    expect(told.rows).toHaveLength(1);
    const again = SignedInSchema.parse((await anybody('POST', '/api/v1/auth/login', login)).body);
    expect((await admin('PATCH', path(user.id), { name: 'Renamed' })).status).toBe(200);
    const kept = { refresh_token: again.session.refresh_token };
    expect((await anybody('POST', '/api/v1/auth/refresh', kept)).status).toBe(200);
  });

  it('are the only ones who may, and only while they are', async () => {
    const userId = await gaia.addUser();
    const calls: [string, string, unknown?][] = [
      ['GET', '/api/v1/admin/users'],
      ['POST', '/api/v1/admin/users', { email: 'other@gaia.test' }],
      ['GET', path(userId)],
      ['PATCH', path(userId), { role: 'admin' }],
    ];
    for (const [method, at, body] of calls) {
      expect((await gaia.session(userId, ordinaryScopes)(method, at, body)).status).toBe(403);
      expect((await gaia.as({ kind: 'anonymous' })(method, at, body)).status).toBe(403);
    }
    const former = gaia.session(userId, ['admin']);
    expect((await former('PATCH', path(userId), { role: 'admin' })).status).toBe(401);
    expect((await former('POST', '/api/v1/admin/users', { email: 'other@gaia.test' })).status).toBe(401);
  });

  it('answer every id that is no user’s alike', async () => {
    for (const id of ['1', 'x', '99999999-9999-4999-8999-999999999999']) {
      expect(await admin('GET', path(id))).toMatchObject({ status: 404, body: { detail: 'There is no such user' } });
      expect((await admin('PATCH', path(id), { name: 'n' })).status).toBe(404);
    }
  });

  it('cannot all be removed, not even by removing each other at once', async () => {
    await gaia.connection.db.update(users).set({ role: 'user' }).where(eq(users.role, 'admin'));
    const [one, two] = [await gaia.addUser({ role: 'admin' }), await gaia.addUser({ role: 'admin' })];
    const [first, second] = [gaia.session(one, ['admin']), gaia.session(two, ['admin'])];
    const answers = await Promise.all([
      first('PATCH', path(two), { role: 'user' }),
      second('PATCH', path(one), { disabled: true }),
    ]);
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 401]));
    const [left, call] = answers[0]?.status === 200 ? [one, first] : [two, second];
    expect((await call('PATCH', path(left), { role: 'user' })).status).toBe(409);
    expect((await call('PATCH', path(left), { disabled: true })).status).toBe(409);
    await gaia.connection.db.update(users).set({ role: 'admin' }).where(eq(users.id, adminId));
  });
});

describe('the audit log', () => {
  it('says who did what to a key, from where, with what was before and after', async () => {
    const userId = await gaia.addUser();
    const mine = gaia.session(userId);
    const { id, key } = await gaia.createKey(mine, { scopes: ['keys:write'] });
    const holder = await gaia.keyHolder(key);
    await holder('PATCH', `/api/v1/keys/${id}`, { name: 'renamed' });
    await mine('POST', `/api/v1/keys/${id}/rotate`, {});
    await mine('DELETE', `/api/v1/keys/${id}`);
    await mine('DELETE', `/api/v1/keys/${id}`);
    const { entries } = await audit(mine);
    expect(entries.map(({ action }) => action)).toEqual(['key.revoked', 'key.rotated', 'key.changed', 'key.created']);
    expect(entries[2]).toMatchObject({
      user_id: userId,
      subject: { kind: 'key', id },
      actor: { user_id: userId, key_id: id },
      before: { name: 'a key' },
      after: { name: 'renamed' },
      address: '192.0.2.7',
    });
    expect(entries[2]?.request_id).toMatch(/^req_/);
  });

  it('is one’s own; of what others did, not who and from where; admins see everything', async () => {
    const userId = await gaia.addUser();
    const mine = gaia.session(userId);
    await gaia.createKey(gaia.session(await gaia.addUser()));
    await admin('PATCH', path(userId), { name: 'Named' });
    const { entries } = await audit(mine);
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({
      action: 'user.changed',
      address: null,
      request_id: null,
      actor: { user_id: null },
    });
    const all = await audit(admin);
    expect(all.entries[0]).toMatchObject({ action: 'user.changed', actor: { user_id: adminId }, address: '192.0.2.7' });
    expect(new Set(all.entries.map(({ user_id }) => user_id)).size).toBeGreaterThan(2);
  });

  it('has nothing of what was refused or rolled back', async () => {
    const mine = gaia.session(await gaia.addUser());
    await mine('POST', '/api/v1/keys', { name: 'k', scopes: ['admin'] });
    await mine('POST', '/api/v1/keys', { name: 'k', expires_at: '2020-01-01T00:00:00Z' });
    expect((await audit(mine)).entries).toEqual([]);
  });

  it('comes in pages, newest first', async () => {
    const mine = gaia.session(await gaia.addUser());
    for (let i = 0; i < 3; i++) await gaia.createKey(mine, { name: `key ${i}` });
    const first = await audit(mine, '?limit=2');
    const second = await audit(mine, `?limit=2&after=${first.next}`);
    expect([...first.entries, ...second.entries].map(({ after }) => after?.name)).toEqual(['key 2', 'key 1', 'key 0']);
    expect(second.next).toBeNull();
  });
});
