import { describe, expect, it, vi } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import { createApiKey } from '#shared/identity/api-key.ts';
import { principalSent, testGateway } from '../test-gateway.ts';

const { key } = await createApiKey('dev');
const authorized = { headers: { 'x-api-key': key } };

describe('who may pass', () => {
  it('refuses a request without a credential and says how to authenticate', async () => {
    const gateway = await testGateway();
    const answer = await gateway.request('/v1/models');
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
    expect(await answer.json()).toMatchObject({ code: 'unauthenticated', detail: 'Could not validate credentials' });
    expect(gateway.sent).toHaveLength(0);
  });

  it.each([
    ['a mistyped key of our own shape', `${key.slice(0, -1)}${key.endsWith('0') ? '1' : '0'}`],
    ['a key in another case', key.toUpperCase().replace('GAIA_DEV', 'gaia_dev')],
    ['a key of another environment', key.replace('_dev_', '_live_')],
    ['a truncated key', key.slice(0, -1)],
    ['a short text', 'short'],
    ['a text with spaces', 'a key with spaces in it, really'.replace(',', '')],
    ['a very long text', 'k'.repeat(257)],
  ])('refuses %s without asking anybody', async (_what, credential) => {
    const find = vi.fn();
    const gateway = await testGateway({ find });
    const answer = await gateway.request('/v1/models', { headers: { 'x-api-key': credential } });
    expect(answer.status).toBe(401);
    expect(find).not.toHaveBeenCalled();
  });

  it.each(['Bearer short', 'Basic dTpw'])('refuses a good key next to %s without asking anybody', async (other) => {
    const find = vi.fn();
    const gateway = await testGateway({ find });
    const headers = { 'x-api-key': key, authorization: other };
    expect((await gateway.request('/v1/models', { headers })).status).toBe(401);
    expect(find).not.toHaveBeenCalled();
  });

  it('answers an unknown key exactly as a malformed one', async () => {
    const unknown = await testGateway({ find: async () => null });
    const headers = { 'x-request-id': 'same-request-id' };
    const one = await unknown.request('/v1/models', { headers: { ...headers, 'x-api-key': key } });
    const other = await unknown.request('/v1/models', { headers: { ...headers, 'x-api-key': 'short' } });
    expect(await one.text()).toBe(await other.text());
  });

  it('takes a key as Bearer too, and asks by its SHA-256 only', async () => {
    const asked: string[] = [];
    const gateway = await testGateway({
      find: async (hash) => {
        asked.push(hash);
        return null;
      },
    });
    await gateway.request('/v1/models', { headers: { authorization: `Bearer ${key}` } });
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatch(/^[0-9a-f]{64}$/);
  });

  it('says 503, never 401, when credentials cannot be checked', async () => {
    const gateway = await testGateway({
      find: async () => {
        throw new AppError('unavailable', 'Credentials cannot be checked right now');
      },
    });
    const answer = await gateway.request('/v1/models', authorized);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
  });

  it('refuses two credentials of different users, and takes two of the same', async () => {
    const { key: otherKey } = await createApiKey('dev');
    const both = { headers: { 'x-api-key': key, authorization: `Bearer ${otherKey}` } };
    let users = 0;
    const differing = await testGateway({
      find: async () => ({
        principal: { kind: 'user', userId: `user-${++users}`, keyId: null, scopes: [], limits: {} },
        restrictions: { allowedOrigins: null, allowedIps: null },
        expiresAt: null,
      }),
    });
    const refused = await differing.request('/v1/models', both);
    expect(refused.status).toBe(400);
    expect(await refused.json()).toMatchObject({ code: 'conflicting_credentials' });
    const agreeing = await testGateway();
    expect((await agreeing.request('/v1/models', both)).status).toBe(200);
  });

  it.each(['x-api-key', 'authorization'])('refuses %s sent twice', async (name) => {
    const gateway = await testGateway();
    const headers = new Headers({ [name]: `Bearer ${key}` });
    headers.append(name, `Bearer ${key}`);
    expect((await gateway.request('/v1/models', { headers })).status).toBe(400);
    expect(gateway.sent).toHaveLength(0);
  });

  it('lets open routes through as nobody, whatever credential came along', async () => {
    const gateway = await testGateway();
    expect((await gateway.request('/api/v1/assets/test', { headers: { 'x-api-key': 'nonsense' } })).status).toBe(200);
    expect(principalSent(gateway.sent[0])).toEqual({ kind: 'anonymous' });
    expect((await gateway.request('/api/v1/assets/test', { method: 'POST' })).status).toBe(401);
  });
});
