import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { scopes } from '#shared/identity/principal.ts';
import {
  ordinaryScopes,
  startManagement,
  type Call,
  type Management,
} from '../../../../tests/support/auth-management.ts';

const inAnHour = new Date(Date.now() + 3_600_000).toISOString();
const inADay = new Date(Date.now() + 86_400_000).toISOString();
const parent = {
  scopes: ['keys:write', 'chat:read', 'chat:write'],
  expires_at: inAnHour,
  limits: { rpm: 10, tpm: 100, concurrency: 2, budget: { usd: 5, window: 'month' } },
  allowed_models: ['openai/*', 'claude-opus'],
  allowed_origins: ['https://a.example', 'https://b.example'],
  allowed_ips: ['10.0.0.0/8', '2001:db8::/32', '192.0.2.1'],
};
/** Each is more than the parent has. */
const excesses: object[] = [
  { scopes: ['admin'] },
  { scopes: ['assets:write'] },
  { scopes: [...scopes] },
  { limits: { rpm: 11 } },
  { limits: { tpm: 101 } },
  { limits: { concurrency: 3 } },
  { limits: { budget: { usd: 5.01, window: 'month' } } },
  { limits: { budget: { usd: 5, window: 'day' } } },
  { expires_at: inADay },
  { expires_at: null },
  { allowed_models: null },
  { allowed_models: ['*'] },
  { allowed_models: ['openai*'] },
  { allowed_models: ['openai/*', 'claude-*'] },
  { allowed_origins: null },
  { allowed_origins: ['https://a.example:8443'] },
  { allowed_origins: ['https://a.example', 'https://c.example'] },
  { allowed_ips: null },
  { allowed_ips: ['10.0.0.0/7'] },
  { allowed_ips: ['0.0.0.0/0'] },
  { allowed_ips: ['::/0'] },
  { allowed_ips: ['11.0.0.1'] },
  { allowed_ips: ['2001:db8::/31'] },
  { allowed_ips: ['192.0.2.0/31'] },
];
/** Each is no more than it has. */
const within: { limits?: object; [field: string]: unknown }[] = [
  {},
  { scopes: [] },
  { scopes: ['keys:write', 'chat:read'] },
  { limits: { rpm: 10, tpm: 1 } },
  { limits: { budget: { usd: 5, window: 'total' } } },
  { allowed_models: ['openai/gpt-*', 'openai/*', 'claude-opus'] },
  { allowed_models: [], allowed_origins: [], allowed_ips: [] },
  { allowed_origins: ['https://b.example'] },
  { allowed_ips: ['10.1.0.0/16', '10.0.0.1', '2001:db8:1::/48', '192.0.2.1/32'] },
];

let gaia: Management;
let userId: string;
let owner: Call;
let holder: Call;
let child: string;
let strong: string;
beforeAll(async () => {
  gaia = await startManagement();
  userId = await gaia.addUser();
  owner = gaia.session(userId);
  holder = await gaia.keyHolder((await gaia.createKey(owner, parent)).key);
  child = (await gaia.createKey(holder)).id;
  strong = (await gaia.createKey(owner, { name: 'strong', scopes: ordinaryScopes })).id;
});
afterAll(async () => {
  await gaia.close();
});

describe('a key that makes keys', () => {
  it.each(excesses)('cannot give %j, by creating or by changing', async (excess) => {
    const created = await holder('POST', '/api/v1/keys', { name: 'more', ...excess });
    expect(created).toMatchObject({ status: 403, body: { code: 'insufficient_scope' } });
    expect((await holder('PATCH', `/api/v1/keys/${child}`, excess)).status).toBe(403);
  });

  it.each(['rpm', 'tpm', 'concurrency', 'budget'])('cannot take the limit %s off a key', async (limit) => {
    expect((await holder('PATCH', `/api/v1/keys/${child}`, { limits: { [limit]: null } })).status).toBe(403);
    expect((await holder('PATCH', `/api/v1/keys/${child}`, { limits: null })).status).toBe(403);
  });

  it.each(within)('can give %j, and the rest is its own', async (request) => {
    const { id } = await gaia.createKey(holder, request);
    const { body } = await owner('GET', `/api/v1/keys/${id}`);
    const { scopes: _own, limits, ...restrictions } = parent;
    expect(body).toMatchObject({ ...restrictions, ...request, limits: { ...limits, ...request.limits } });
    await holder('DELETE', `/api/v1/keys/${id}`);
  });

  it('cannot take over a stronger one by rotating it, nor change it, but can revoke it', async () => {
    expect((await holder('POST', `/api/v1/keys/${strong}/rotate`, {})).status).toBe(403);
    expect((await holder('PATCH', `/api/v1/keys/${strong}`, { name: 'mine' })).status).toBe(403);
    expect((await owner('GET', `/api/v1/keys/${strong}`)).body).toMatchObject({ name: 'strong', rotated_at: null });
    expect((await holder('DELETE', `/api/v1/keys/${strong}`)).status).toBe(204);
  });

  it('left the child as it was', async () => {
    expect((await owner('GET', `/api/v1/keys/${child}`)).body).toMatchObject({
      ...parent,
      scopes: ['chat:read', 'chat:write'],
    });
  });
});

describe('the scope admin', () => {
  it('is given by administrators only, whatever a credential says', async () => {
    expect((await owner('POST', '/api/v1/keys', { name: 'k', scopes: ['admin'] })).status).toBe(403);
    const pretender = gaia.session(userId, ['admin']);
    expect((await pretender('POST', '/api/v1/keys', { name: 'k', scopes: ['admin'] })).status).toBe(403);
    const admin = gaia.session(await gaia.addUser({ role: 'admin' }), [...scopes]);
    expect((await admin('POST', '/api/v1/keys', { name: 'k', scopes: ['admin'] })).status).toBe(201);
  });

  it('leaves the keys of somebody who is no administrator any more', async () => {
    const demoted = await gaia.addUser({ role: 'admin' });
    const boss = gaia.session(await gaia.addUser({ role: 'admin' }), ['admin']);
    const asked = { scopes: ['admin', 'chat:read'] };
    const { key } = await gaia.createKey(gaia.session(demoted, ['admin']), asked);
    expect((await gaia.resolve(key))?.principal.scopes).toEqual(asked.scopes);
    expect((await boss('PATCH', `/api/v1/admin/users/${demoted}`, { role: 'user' })).status).toBe(200);
    expect((await gaia.resolve(key))?.principal.scopes).toEqual(['chat:read']);
  });
});

describe('every operation on keys', () => {
  it('needs keys:write and a user', async () => {
    const { id } = await gaia.createKey(owner);
    const weak = gaia.session(
      userId,
      ordinaryScopes.filter((scope) => scope !== 'keys:write'),
    );
    const calls: [string, string, unknown?][] = [
      ['GET', '/api/v1/keys'],
      ['POST', '/api/v1/keys', { name: 'k' }],
      ['GET', `/api/v1/keys/${id}`],
      ['PATCH', `/api/v1/keys/${id}`, { name: 'k' }],
      ['DELETE', `/api/v1/keys/${id}`],
      ['POST', `/api/v1/keys/${id}/rotate`, {}],
      ['GET', '/api/v1/audit'],
    ];
    for (const [method, path, body] of calls) {
      for (const call of [weak, gaia.as({ kind: 'anonymous' }), gaia.as({ kind: 'gateway' })]) {
        expect((await call(method, path, body)).status).toBe(403);
      }
    }
  });
});
