import { getTableColumns } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { credentials, sessions, users } from '#shared/db/schema.ts';
import { createSessionApp, principalOf, type SessionApp } from '../../../../tests/support/session-app.ts';

let app: SessionApp;
let before: unknown[];
const counts =
  'select (select count(*) from users) u, (select count(*) from sessions) s, (select max(updated_at) from users) t';

beforeAll(async () => {
  app = await createSessionApp();
  await app.newcomer('known@example.org');
  before = await app.rows(counts);
});
afterAll(async () => await app.close());

const good: Record<string, Record<string, unknown>> = {
  register: { email: 'new@example.org', password: 'long enough' },
  login: { email: 'known@example.org', password: 'correct horse' },
  refresh: { refresh_token: 'x' },
  confirm: { token: 'x', email: 'known@example.org' },
  'resend-verification': { email: 'known@example.org' },
  validate: { token: 'x' },
};

const columns = [getTableColumns(users), getTableColumns(credentials), getTableColumns(sessions)].flatMap(spellingsOf);
const words = [...new Set([...columns, 'scopes', 'is_admin', 'session', 'user', 'constructor', 'toString'])];

describe.each(Object.entries(good))('POST %s', (path, body) => {
  const unknown = words.filter((word) => !(word in body) && !(path === 'register' && word === 'name'));

  it('takes none of the columns there are', async () => {
    const statuses = await Promise.all(
      unknown.map(async (word) => [word, (await app.call('POST', path, { ...body, [word]: 'admin' })).status]),
    );
    expect(statuses).toEqual(unknown.map((word) => [word, 422]));
  });

  it.each([
    ['an array', '[]', 422],
    ['null', 'null', 422],
    ['a number', '1', 422],
    ['nothing', '', 400],
    ['half of it', '{"email":"a@', 400],
    ['a prototype', '{"__proto__":{"role":"admin"}}', 400],
    ['a key twice', '{"email":"a@example.org","email":"b@example.org"}', 400],
    ['too much', `{"email":"${'a'.repeat(20_000)}"}`, 413],
  ])('refuses %s', async (_what, text, status) => {
    expect((await app.call('POST', path, text)).status).toBe(status);
  });

  it.each([null, 1, true, {}, ['x'], { $ne: '' }, ''])('refuses %j in the place of a text', async (value) => {
    const fields = path === 'validate' ? [] : Object.keys(body);
    for (const field of fields) expect((await app.call('POST', path, { ...body, [field]: value })).status).toBe(422);
  });
});

describe('an address', () => {
  it.each([
    '',
    'x',
    'a@b',
    '@example.org',
    'a b@example.org',
    'a@example.org\n',
    'a@example.org, b@example.org',
    'a@exämple.org',
  ])('may not be %j', async (email) => {
    for (const path of ['register', 'login', 'resend-verification']) {
      expect((await app.call('POST', path, { ...good[path], email })).status).toBe(422);
    }
  });

  it('may not be longer than any that can be delivered to', async () => {
    const email = `${'a'.repeat(243)}@example.org`;
    expect((await app.call('POST', 'register', { ...good['register'], email })).status).toBe(422);
  });
});

describe('a new password', () => {
  it.each(['short', 'a'.repeat(257), 'with\u0007bell', 'with\nline'])(
    'may not be %j, and is not repeated',
    async (password) => {
      const answer = await app.call('POST', 'register', { ...good['register'], password });
      expect(answer.status).toBe(422);
      expect(answer.text).not.toContain(password);
    },
  );
});

describe('PATCH me', () => {
  it('takes a name and nothing else', async () => {
    const { user, session } = await app.signedIn('login', { ...good['login'] });
    const principal = principalOf({ user, session });
    for (const word of words.filter((word) => word !== 'name')) {
      expect((await app.call('PATCH', 'me', { [word]: 'admin' }, principal)).status).toBe(422);
    }
    for (const name of [1, '', ' ', 'a'.repeat(256), 'a\u0000', [], {}]) {
      expect([400, 422]).toContain((await app.call('PATCH', 'me', { name }, principal)).status);
    }
    await app.rows('delete from sessions where id = (select id from sessions order by created_at desc limit 1)');
  });
});

describe('all that was refused', () => {
  it('changed nothing', async () => {
    expect(await app.rows(counts)).toEqual(before);
  });
});

/** A column's name in the database and in our code. */
function spellingsOf(table: Record<string, { name: string }>): string[] {
  return Object.entries(table).flatMap(([property, { name }]) => [property, name]);
}
