import { getTableColumns } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { apiKeys, users } from '#shared/db/schema.ts';
import { hashApiKey } from '#shared/identity/api-key.ts';
import { queryRows } from '../../../../tests/support/postgres.ts';
import { startManagement, type Call, type Management } from '../../../../tests/support/auth-management.ts';

let gaia: Management;
let userId: string;
let mine: Call;
let id: string;
let before: unknown;
const state = async (): Promise<unknown> => [
  await queryRows(gaia.url, 'select * from api_keys order by id'),
  await queryRows(gaia.url, 'select * from users order by id'),
];
beforeAll(async () => {
  gaia = await startManagement();
  userId = await gaia.addUser({ role: 'admin' });
  mine = gaia.session(userId, ['admin']);
  id = (await gaia.createKey(mine)).id;
  before = await state();
});
afterAll(async () => {
  await gaia.close();
});

const columnNames = (table: typeof apiKeys | typeof users): string[] =>
  Object.entries<{ name: string }>(getTableColumns(table)).flatMap(([property, { name }]) => [property, name]);
const keyFields = new Set([
  'name',
  'scopes',
  'limits',
  'expires_at',
  'allowed_models',
  'allowed_origins',
  'allowed_ips',
]);
const hostile = ['__proto__x', 'constructor', 'user_id', 'owner', 'role', 'is_admin', 'key', 'id'];

describe('a field that is not the caller’s to set', () => {
  it.each([...new Set([...columnNames(apiKeys), ...hostile])].filter((name) => !keyFields.has(name)))(
    'is refused for a key: %s',
    async (name) => {
      for (const value of ['x', true, null, userId]) {
        expect((await mine('POST', '/api/v1/keys', { name: 'k', [name]: value })).status).toBe(422);
        expect((await mine('PATCH', `/api/v1/keys/${id}`, { name: 'k', [name]: value })).status).toBe(422);
        expect((await mine('POST', `/api/v1/keys/${id}/rotate`, { [name]: value })).status).toBe(422);
      }
    },
  );

  it.each(columnNames(users).filter((name) => !['name', 'email', 'role'].includes(name)))(
    'is refused for a user: %s',
    async (name) => {
      const user = { email: 'new@gaia.test', [name]: 'x' };
      expect((await mine('POST', '/api/v1/admin/users', user)).status).toBe(422);
      expect((await mine('PATCH', `/api/v1/admin/users/${userId}`, { name: 'n', [name]: 'x' })).status).toBe(422);
    },
  );
});

describe('a value that means nothing', () => {
  it.each([
    { name: '' },
    { name: '   ' },
    { name: 'x'.repeat(101) },
    { name: 'a\nb' },
    { name: null },
    { name: 7 },
    { scopes: ['everything'] },
    { scopes: 'admin' },
    { scopes: null },
    { scopes: Array(50).fill('chat:read') },
    { expires_at: '2020-01-01T00:00:00Z' },
    { expires_at: 'tomorrow' },
    { expires_at: 1_900_000_000 },
    { expires_at: '2030-01-01' },
    { expires_at: '9999-12-31T23:59:59-14:00' },
    { limits: { rpm: 0 } },
    { limits: { rpm: -1 } },
    { limits: { rpm: 1.5 } },
    { limits: { rpm: 1e10 } },
    { limits: { rps: 1 } },
    { limits: [] },
    { limits: { budget: { usd: 0, window: 'day' } } },
    { limits: { budget: { usd: -1, window: 'day' } } },
    { limits: { budget: { usd: 0.0000001, window: 'day' } } },
    { limits: { budget: { usd: 1, window: 'year' } } },
    { limits: { budget: { usd: 1 } } },
    { allowed_models: ['../admin'] },
    { allowed_models: ['a/../b'] },
    { allowed_models: ['gpt*4'] },
    { allowed_models: [''] },
    { allowed_models: Array(101).fill('m') },
    { allowed_origins: ['*'] },
    { allowed_origins: ['null'] },
    { allowed_origins: ['https://game.example/'] },
    { allowed_origins: ['https://GAME.example'] },
    { allowed_origins: ['https://user@game.example'] },
    { allowed_origins: ['javascript:alert(1)'] },
    { allowed_origins: ['https://game.example:443'] },
    { allowed_ips: ['10.0.0.0/33'] },
    { allowed_ips: ['010.0.0.1'] },
    { allowed_ips: ['10.0.0'] },
    { allowed_ips: ['2130706433'] },
    { allowed_ips: ['fe80::1%eth0'] },
    { allowed_ips: ['::ffff:10.0.0.1'] },
    { allowed_ips: ['0:0:0:0:0:FFFF:0a00:1'] },
    { allowed_ips: ['localhost'] },
    { allowed_ips: [''] },
  ])('is refused, naming the field: %j', async (fields) => {
    const [field = ''] = Object.keys(fields);
    for (const [method, path] of [
      ['POST', '/api/v1/keys'],
      ['PATCH', `/api/v1/keys/${id}`],
    ] as const) {
      const answer = await mine(method, path, { ...(method === 'POST' && { name: 'k' }), ...fields });
      expect(answer).toMatchObject({ status: 422, body: { code: 'validation_failed' } });
      expect(answer.text).toContain(field);
    }
  });

  it.each([
    { email: 'x' },
    { email: null },
    {},
    { email: `${'a'.repeat(250)}@gaia.test` },
    { email: 'new@gaia.test', role: 'root' },
    { email: 'new@gaia.test', name: '' },
  ])('is refused for a user: %j', async (fields) => {
    expect((await mine('POST', '/api/v1/admin/users', fields)).status).toBe(422);
  });
});

describe('a body that is no object of fields', () => {
  it.each([
    ['{', 400],
    ['', 400],
    ['{"name":"a","name":"b"}', 400],
    ['{"name":"k","__proto__":{"scopes":["admin"]}}', 400],
    ['{"name":"k","limits":{"rpm":1e999}}', 400],
    ['{"name":"a\\u0000b"}', 400],
    ['{"name":"\\ud800"}', 400],
    ['['.repeat(60_000), 400],
    ['null', 422],
    ['[]', 422],
    ['"name"', 422],
    ['7', 422],
    ['{}', 422],
    [`{"name":"k","scopes":["${'x'.repeat(70_000)}"]}`, 413],
  ])('is refused: case %#', async (text, status) => {
    expect((await mine('POST', '/api/v1/keys', text)).status).toBe(status);
    expect((await mine('PATCH', `/api/v1/keys/${id}`, text)).status).toBe(status);
  });
});

describe('all of that', () => {
  it('changed nothing', async () => {
    expect(await state()).toEqual(before);
  });
});

describe('everything that was logged and answered', () => {
  it('holds no hash, and no key but where it is shown', async () => {
    const { id: other, key } = await gaia.createKey(mine);
    const secrets = [key, key.slice(22), await hashApiKey(key)];
    await mine('GET', '/api/v1/keys');
    await mine('GET', `/api/v1/keys/${other}`);
    await gaia.resolve(key);
    await mine('PATCH', `/api/v1/keys/${other}`, { name: 'n' });
    await mine('DELETE', `/api/v1/keys/${other}`);
    await mine('GET', '/api/v1/audit');
    await queryRows(gaia.url, 'delete from api_keys where id = $1', [other]);
    const audit = JSON.stringify(await queryRows(gaia.url, 'select * from audit_log'));
    for (const secret of secrets) expect(gaia.seen.join('\n') + audit).not.toContain(secret);
    expect(gaia.seen.join('\n')).not.toMatch(/[0-9a-f]{64}/);
  });
});
