import { env, evictDurableObject, listDurableObjectIds, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it, vi } from 'vitest';
import { createLeaseSource } from './lease-source.ts';
import { createRpmLeases } from './rpm-leases.ts';

const ask = createLeaseSource({ namespace: env.KEY_LIMITS });
const decisionsOf = async (key: string, limit: number, count: number) => {
  const isolates = Array.from({ length: 8 }, () => createRpmLeases({ ask }));
  return await Promise.all(
    Array.from({ length: count }, async (_, request) => await isolates[request % 8]?.take(key, limit)),
  );
};

describe('the Durable Object of a limited key', () => {
  it('admits exactly the limit to eight isolates that ask at once', async () => {
    const decisions = await decisionsOf('exact', 25, 500);
    expect(decisions.filter((decision) => decision?.admitted)).toHaveLength(25);
  });

  it('remembers what it granted when it is evicted in the middle of a window', async () => {
    await decisionsOf('evicted', 10, 6);
    await evictDurableObject(env.KEY_LIMITS.getByName('evicted'));
    const after = await decisionsOf('evicted', 10, 100);
    expect(after.filter((decision) => decision?.admitted)).toHaveLength(4);
  });

  it('writes what it granted before it answers, and nothing when it refuses', async () => {
    const stub = env.KEY_LIMITS.getByName('written');
    await stub.lease({ limit: 1, ahead: 0 });
    await runInDurableObject(stub, async (object, state) => {
      expect(state.storage.kv.get('window')).toMatchObject({ granted: 1 });
      const put = vi.spyOn(state.storage.kv, 'put');
      expect(object.lease({ limit: 1, ahead: 0 })).toMatchObject({ granted: 0, remaining: 0 });
      expect(put).not.toHaveBeenCalled();
    });
  });

  it('counts every key on its own', async () => {
    await decisionsOf('one', 5, 100);
    const other = await decisionsOf('other', 5, 5);
    expect(other.every((decision) => decision?.admitted)).toBe(true);
    expect((await listDurableObjectIds(env.KEY_LIMITS)).length).toBeGreaterThanOrEqual(2);
  });
});

describe('where leases come from', () => {
  it('refuses with 503 when nobody answers in time', async () => {
    const silent = createLeaseSource({ limiter: { fetch: async () => await new Promise(() => undefined) } }, 10);
    await expect(silent('key', { limit: 1, ahead: 0 })).rejects.toMatchObject({ code: 'unavailable' });
  });

  it.each([
    ['an answer in another shape', async () => Response.json({ granted: 'many' })],
    ['an answer that is not JSON', async () => new Response('busy', { status: 503 })],
    [
      'a refused connection',
      async () => {
        throw new Error('connection refused');
      },
    ],
  ])('refuses with 503 on %s', async (_what, fetch) => {
    const broken = createLeaseSource({ limiter: { fetch } });
    await expect(broken('key', { limit: 1, ahead: 0 })).rejects.toMatchObject({ code: 'unavailable', status: 503 });
  });

  it('refuses with 503 where there is nobody to ask, and never counts alone', async () => {
    const nobody = createLeaseSource({});
    await expect(nobody('key', { limit: 1, ahead: 0 })).rejects.toMatchObject({ code: 'unavailable' });
  });
});
