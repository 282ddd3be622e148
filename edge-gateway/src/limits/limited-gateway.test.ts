import { env } from 'cloudflare:test';
import { createApiKey } from '#shared/identity/api-key.ts';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import { describe, expect, it, vi } from 'vitest';
import { aUser, testGateway, type TestGateway } from '../test-gateway.ts';
import type { LeaseNamespace } from './lease-source.ts';

const { key } = await createApiKey('dev');
const other = (await createApiKey('dev')).key;
const withKey = { headers: { 'x-api-key': key } };

function userWith(changes: { keyId?: string; rpm?: number } & Partial<ResolvedKey['restrictions']>): ResolvedKey {
  const { keyId = crypto.randomUUID(), rpm, ...restrictions } = changes;
  return {
    ...aUser,
    principal: { ...aUser.principal, keyId, limits: rpm === undefined ? {} : { rpm } },
    restrictions: { ...aUser.restrictions, ...restrictions },
  };
}

async function statuses(gateway: TestGateway, count: number, init: RequestInit = withKey): Promise<number[]> {
  const answers = await Promise.all(Array.from({ length: count }, () => gateway.request('/v1/models', init)));
  return answers.map(({ status }) => status);
}

describe('a key with a limit', () => {
  it('gets exactly as many answers, and is told where it stands on each', async () => {
    const gateway = await testGateway({ find: async () => userWith({ keyId: 'headers', rpm: 2 }), bindings: env });
    const [first, second, third] = [
      await gateway.request('/v1/models', withKey),
      await gateway.request('/v1/models', withKey),
      await gateway.request('/v1/models', withKey),
    ];
    expect([first.status, second.status, third.status]).toEqual([200, 200, 429]);
    expect(first.headers.get('ratelimit-policy')).toBe('"rpm";q=2;w=60');
    expect(first.headers.get('ratelimit')).toBe('"rpm";r=1;t=60');
    expect(third.headers.get('ratelimit')).toMatch(/^"rpm";r=0;t=(?:60|59)$/);
    expect(third.headers.get('retry-after')).toMatch(/^(?:60|59)$/);
    expect(await third.json()).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(gateway.sent).toHaveLength(2);
  });

  it('leaves all others untouched at twenty times its limit', async () => {
    const users = [userWith({ rpm: 5 }), userWith({ rpm: 5 })];
    const byHash = new Map<string, ResolvedKey | undefined>();
    const find = async (hash: string) => {
      if (!byHash.has(hash)) byHash.set(hash, users.pop());
      return byHash.get(hash) ?? null;
    };
    const gateway = await testGateway({ find, bindings: env });
    const flood = await statuses(gateway, 100);
    expect(flood.filter((status) => status === 200)).toHaveLength(5);
    expect(flood.filter((status) => status === 429)).toHaveLength(95);
    expect(await statuses(gateway, 5, { headers: { 'x-api-key': other } })).toEqual([200, 200, 200, 200, 200]);
  });

  it('puts its own policy before those of the backend', async () => {
    const headers = { 'ratelimit-policy': '"tpm";q=100;w=60', ratelimit: '"tpm";r=7;t=9' };
    const gateway = await testGateway({
      find: async () => userWith({ rpm: 9 }),
      answer: () => new Response('x', { headers }),
      bindings: env,
    });
    const answer = await gateway.request('/v1/models', withKey);
    expect(answer.headers.get('ratelimit')).toBe('"rpm";r=8;t=60, "tpm";r=7;t=9');
    expect(answer.headers.get('ratelimit-policy')).toBe('"rpm";q=9;w=60, "tpm";q=100;w=60');
  });

  it('tells where it stands also when the backend fails', async () => {
    const answer = () => {
      throw new Error('refused');
    };
    const gateway = await testGateway({ find: async () => userWith({ rpm: 9 }), answer, bindings: env });
    const failed = await gateway.request('/v1/models', { ...withKey, method: 'POST' });
    expect(failed.status).toBe(502);
    expect(failed.headers.get('ratelimit')).toBe('"rpm";r=8;t=60');
  });

  it('is refused with 503, never let through, where nobody can count it', async () => {
    const gateway = await testGateway({ find: async () => userWith({ rpm: 1_000 }) });
    const answer = await gateway.request('/v1/models', withKey);
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(gateway.sent).toHaveLength(0);
  });
});

describe('a key without a limit', () => {
  it('never asks the Durable Object, and hears nothing of limits', async () => {
    const getByName = vi.fn<LeaseNamespace['getByName']>();
    const gateway = await testGateway({ bindings: { KEY_LIMITS: { getByName } } });
    const answer = await gateway.request('/v1/models', withKey);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('ratelimit')).toBeNull();
    expect(getByName).not.toHaveBeenCalled();
  });

  it('is stopped when it floods', async () => {
    const gateway = await testGateway({ vars: { KEY_FLOOD_LIMIT: '10' } });
    expect((await statuses(gateway, 15)).filter((status) => status === 429)).toHaveLength(5);
    const answer = await gateway.request('/v1/models', withKey);
    expect(answer.headers.get('ratelimit-policy')).toBe('"key";q=10;w=10');
    expect(answer.headers.get('retry-after')).toBe('10');
  });
});

describe('an address that floods', () => {
  it('is stopped before its credentials are looked at, and no other is', async () => {
    const find = vi.fn(async () => aUser);
    const vars = { ADDRESS_FLOOD_LIMIT: '10', TRUSTED_ADDRESS_HEADER: 'cf-connecting-ip' };
    const gateway = await testGateway({ find, vars });
    const from = (address: string): RequestInit => ({ headers: { 'cf-connecting-ip': address } });
    expect((await statuses(gateway, 30, from('192.0.2.1'))).filter((status) => status === 429)).toHaveLength(20);
    expect(find).not.toHaveBeenCalled();
    expect(await statuses(gateway, 1, from('192.0.2.2'))).toEqual([401]);
  });

  it('is nobody where addresses cannot be known', async () => {
    const gateway = await testGateway({ vars: { ADDRESS_FLOOD_LIMIT: '1' } });
    expect(await statuses(gateway, 3)).toEqual([200, 200, 200]);
  });
});

describe('a restricted key', () => {
  it('is refused from elsewhere, before anything is sent on or counted', async () => {
    const gateway = await testGateway({
      find: async () => userWith({ allowedOrigins: ['https://game.test'], rpm: 5 }),
    });
    const answer = await gateway.request('/v1/models', withKey);
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ code: 'origin_not_allowed' });
    expect(gateway.sent).toHaveLength(0);
  });

  it('is known by the address that the trusted header gives', async () => {
    const vars = { TRUSTED_ADDRESS_HEADER: 'CF-Connecting-IP' };
    const gateway = await testGateway({ find: async () => userWith({ allowedIps: ['192.0.2.0/24'] }), vars });
    const from = (address: string): RequestInit => ({ headers: { ...withKey.headers, 'cf-connecting-ip': address } });
    expect(await statuses(gateway, 1, from('192.0.2.9'))).toEqual([200]);
    expect(await statuses(gateway, 1, from('198.51.100.9'))).toEqual([403]);
    expect(await statuses(gateway, 1)).toEqual([403]);
  });
});

describe('the origins of browsers', () => {
  it.each(['*', 'https://*.test', 'https://app.test/', 'app.test', 'https://app.test,*'])(
    'are not configured as %j',
    async (origins) => {
      await expect(testGateway({ vars: { ALLOWED_ORIGINS: origins } })).rejects.toThrow(/ALLOWED_ORIGINS/);
    },
  );
});
