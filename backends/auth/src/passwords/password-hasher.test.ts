import { describe, expect, it, vi } from 'vitest';
import { createPasswordHasher } from './password-hasher.ts';
import { createSlots } from './slots.ts';

const hasher = createPasswordHasher({ cost: { memory: 8, passes: 1 } });

describe('a password hash', () => {
  it('fits its password and no other, and says how it was made', async () => {
    const [salt, hash] = [hasher.newSalt(), await hasher.hash('correct horse', hasher.newSalt())];
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=8,t=1,p=1\$[\w+/]{22}\$[\w+/]{43}$/);
    const others = [await hasher.hash('one', salt), await hasher.hash('two', salt), hash];
    expect(await hasher.firstMatch('correct horse', others)).toBe(2);
    expect(await hasher.firstMatch('two', others)).toBe(1);
    expect(await hasher.firstMatch('three', others)).toBe(-1);
    expect(await hasher.firstMatch('three', [])).toBe(-1);
  });

  it('is made anew when the cost has changed, and still fits', async () => {
    const dearer = createPasswordHasher({ cost: { memory: 16, passes: 1 } });
    const old = await hasher.hash('correct horse', hasher.newSalt());
    const renewed = await dearer.renewed('correct horse', old);
    expect(renewed).toContain('m=16,');
    expect(await dearer.firstMatch('correct horse', [renewed ?? ''])).toBe(0);
    expect(await dearer.renewed('correct horse', renewed ?? '')).toBeNull();
  });

  it('of an unknown form is our mistake, and is not repeated', async () => {
    await expect(hasher.firstMatch('x', ['$2b$secret'])).rejects.toThrow(
      /^a stored password hash has an unknown form$/,
    );
  });
});

describe('slots', () => {
  it('run so much at once, let so many wait in their order, and refuse the rest at once', async () => {
    const slots = createSlots({ parallel: 2, waiting: 2 });
    const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
    const started: number[] = [];
    const runs = gates.map(({ promise }, index) =>
      slots(async () => {
        started.push(index);
        await promise;
      }),
    );
    await expect(runs[4]).rejects.toMatchObject({ code: 'unavailable', options: { retryAfterSeconds: 2 } });
    expect(started).toEqual([0, 1]);
    gates[1]?.resolve();
    await vi.waitUntil(() => started.length > 2);
    expect(started).toEqual([0, 1, 2]);
    for (const gate of gates) gate.resolve();
    await Promise.all(runs.slice(0, 4));
    expect(started).toEqual([0, 1, 2, 3]);
  });

  it('are free again after work that failed', async () => {
    const slots = createSlots({ parallel: 1, waiting: 0 });
    for (let turn = 0; turn < 3; turn++) {
      await expect(slots(async () => await Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    }
    expect(await slots(async () => 'done')).toBe('done');
  });
});
