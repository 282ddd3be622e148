import { describe, expect, it } from 'vitest';
import { createPersonaCache } from './persona-cache.ts';
import type { Persona } from './persona.ts';

const persona = (name: string): Persona => ({
  id: name,
  name,
  description: null,
  systemPrompt: name,
  personalityTraits: {},
  capabilities: {},
  isActive: true,
  isShared: false,
  isDefault: false,
  createdBy: null,
  createdAt: new Date(0),
  updatedAt: new Date(0),
});
const loading = (name: string) => async () => persona(name);

describe('the cache of personas', () => {
  it('gives nobody what was kept for another', async () => {
    const cache = createPersonaCache();
    await cache.get('u1', '', loading('one'));
    expect((await cache.get('u2', '', loading('two'))).name).toBe('two');
    expect((await cache.get('u1', '', loading('three'))).name).toBe('one');
  });

  it('believes what it keeps for a minute and no longer', async () => {
    let now = 0;
    const cache = createPersonaCache(() => now);
    await cache.get('u1', '', loading('old'));
    now = 59_999;
    expect((await cache.get('u1', '', loading('new'))).name).toBe('old');
    now = 60_000;
    expect(cache.counts('u1').entries).toBe(0);
    expect((await cache.get('u1', '', loading('new'))).name).toBe('new');
    expect(cache.counts('u1')).toEqual({ entries: 1, hits: 1, misses: 2 });
  });

  it.each(['drop', 'dropAll'] as const)('never keeps what was read before a change: %s', async (change) => {
    const cache = createPersonaCache();
    const read = Promise.withResolvers<Persona>();
    const slow = cache.get('u1', '', async () => await read.promise);
    cache[change]('u1');
    read.resolve(persona('old'));
    expect((await slow).name).toBe('old');
    expect((await cache.get('u1', '', loading('new'))).name).toBe('new');
  });

  it('keeps nothing of a look-up that failed', async () => {
    const cache = createPersonaCache();
    await expect(cache.get('u1', '', async () => await Promise.reject(new Error('away')))).rejects.toThrow('away');
    expect((await cache.get('u1', '', loading('there'))).name).toBe('there');
  });

  it('is bounded: by users, and by personas of one of them', async () => {
    const cache = createPersonaCache();
    for (let i = 0; i < 50; i++) await cache.get('u', `p${i}`, loading('p'));
    expect(cache.counts('u').entries).toBe(20);
    for (let i = 0; i < 10_000; i++) await cache.get(`u${i}`, '', loading('p'));
    expect(cache.counts('u')).toEqual({ entries: 0, hits: 0, misses: 0 });
    expect(cache.counts('u9999').entries).toBe(1);
  });
});
