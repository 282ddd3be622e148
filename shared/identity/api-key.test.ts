import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createApiKey, hashApiKey, isPlausibleApiKey } from './api-key.ts';

describe('an API key', () => {
  it('has the documented shape, is stored as its SHA-256, and shows only its start and end', async () => {
    const made = await createApiKey('live');
    expect(made.key).toMatch(/^gaia_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{32}[0-9A-Za-z]{6}$/);
    expect(made.hash).toBe(createHash('sha256').update(made.key).digest('hex'));
    expect(made.key.startsWith(made.prefix)).toBe(true);
    expect(made.prefix).toHaveLength('gaia_live_'.length + 12);
    expect(made.lastFour).toBe(made.key.slice(-4));
  });

  it('is never the same twice', async () => {
    const keys = await Promise.all(Array.from({ length: 1_000 }, () => createApiKey('test')));
    expect(new Set(keys.map(({ key }) => key)).size).toBe(1_000);
  });

  it('is recognised as mistyped for a change of any single character', async () => {
    const { key } = await createApiKey('dev');
    expect(isPlausibleApiKey(key)).toBe(true);
    // A change in the first nine characters makes a text of another system, which only its hash can tell.
    for (let position = 'gaia_dev_'.length; position < key.length; position++) {
      const wrong = key[position] === 'x' ? 'y' : 'x';
      const changed = key.slice(0, position) + wrong + key.slice(position + 1);
      expect([changed, isPlausibleApiKey(changed)]).toEqual([changed, false]);
    }
  });

  it.each([
    `gaia-production-${'0123abcd'.repeat(8)}`,
    `gaia_PROD_${'aB3d'.repeat(8)}`,
    `gaia_dev_${'aB3d'.repeat(8)}`,
    'aB3-_'.repeat(8) + 'aB3',
  ])('may have the older shape of %s', (key) => {
    expect(isPlausibleApiKey(key)).toBe(true);
  });

  it.each(['', 'short', 'a b c d e f g h i j', 'ключ'.repeat(8), 'x'.repeat(257), 'gaia_dev_', 'gaia_dev_x_y'])(
    'cannot be %j',
    (key) => {
      expect(isPlausibleApiKey(key)).toBe(false);
    },
  );

  it('hashes as any other SHA-256 does', async () => {
    expect(await hashApiKey('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad');
  });
});
