import { afterEach, describe, expect, it, vi } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import type { ResolvedKey } from '#shared/identity/resolved-key.ts';
import type { RevocationFeed } from '#shared/identity/revocation-feed.ts';
import { aUser } from '../test-gateway.ts';
import { createKeyCache, type KnownKeys } from './key-cache.ts';
import type { KeyStore } from './key-store.ts';
import { createRevoked, type Revoked } from './revoked.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const waitUntil = (): void => undefined;
const nothing: RevocationFeed = { position: 1, reset: false, completeSince: 0, ageMs: 0, revocations: [] };

type Fixture = { keys: KnownKeys; revoked: Revoked; find: ReturnType<typeof vi.fn<KeyStore['find']>>; clock: Clock };
type Clock = { at: number };

function fixture(answer: KeyStore['find'] = async () => aUser): Fixture {
  const clock = { at: start };
  const revoked = createRevoked();
  const find = vi.fn(answer);
  const keys = createKeyCache({ store: { find }, revocations: revoked, now: () => clock.at });
  return { keys, revoked, find, clock };
}

function revoke(revoked: Revoked, kind: 'key' | 'user', id: string): void {
  revoked.apply({ ...nothing, revocations: [{ kind, id, at: start / 1_000 }] }, start);
}

const expiring = (after: number): ResolvedKey => ({ ...aUser, expiresAt: new Date(start + after).toISOString() });

describe('a known key', () => {
  it('is looked up once in ten minutes, and then again', async () => {
    const { keys, find, clock } = fixture();
    const first = await keys.find('a', waitUntil);
    clock.at += 599_999;
    expect(await keys.find('a', waitUntil)).toBe(first);
    expect(find).toHaveBeenCalledTimes(1);
    clock.at += 1;
    await keys.find('a', waitUntil);
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('does not outlive its own expiry, not even for the request that looked it up', async () => {
    const { keys, find, clock } = fixture(async () => expiring(1_000));
    expect(await keys.find('a', waitUntil)).toEqual(expiring(1_000));
    clock.at += 1_000;
    expect(await keys.find('a', waitUntil)).toBeNull();
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('is asked about once in five seconds when it has expired by the clock here and not by that of the store', async () => {
    const { keys, find, clock } = fixture(async () => expiring(0));
    for (let i = 0; i < 10; i++) expect(await keys.find('a', waitUntil)).toBeNull();
    expect(find).toHaveBeenCalledTimes(1);
    expect(keys.sizes().known).toBe(0);
    clock.at += 5_000;
    find.mockResolvedValue(aUser);
    expect(await keys.find('a', waitUntil)).toBe(aUser);
  });

  it.each([
    ['key', 'key-1'],
    ['user', 'user-1'],
  ] as const)('is forgotten when its %s is revoked', async (kind, id) => {
    const { keys, find, revoked } = fixture();
    await keys.find('a', waitUntil);
    revoke(revoked, kind, id);
    find.mockResolvedValue(null);
    expect(await keys.find('a', waitUntil)).toBeNull();
  });

  it('stays when somebody else is revoked', async () => {
    const { keys, find, revoked } = fixture();
    await keys.find('a', waitUntil);
    revoke(revoked, 'key', 'key-2');
    revoke(revoked, 'user', 'key-1');
    await keys.find('a', waitUntil);
    expect(find).toHaveBeenCalledTimes(1);
  });

  it('is forgotten when the feed starts over', async () => {
    const { keys, find, revoked } = fixture();
    await keys.find('a', waitUntil);
    revoked.apply({ ...nothing, reset: true }, start);
    await keys.find('a', waitUntil);
    expect(find).toHaveBeenCalledTimes(2);
  });
});

describe('a key that is revoked while it is looked up', () => {
  it('is not written back: the old answer is thrown away and the store asked again', async () => {
    const old = Promise.withResolvers<ResolvedKey | null>();
    const { keys, find, revoked } = fixture(async () => await old.promise);
    const asking = keys.find('a', waitUntil);
    find.mockResolvedValue(null);
    revoke(revoked, 'key', 'key-1');
    old.resolve(aUser);
    expect(await asking).toBeNull();
    expect(await keys.find('a', waitUntil)).toBeNull();
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('is not written back either when the feed tells only after the look-up has ended', async () => {
    const { keys, find, revoked } = fixture();
    expect(await keys.find('a', waitUntil)).toBe(aUser);
    find.mockResolvedValue(null);
    revoke(revoked, 'key', 'key-1');
    expect(await keys.find('a', waitUntil)).toBeNull();
  });

  it('is unavailable, and never let through, when that happens again and again', async () => {
    const { keys, find, revoked } = fixture();
    find.mockImplementation(async () => {
      revoke(revoked, 'key', 'key-1');
      return aUser;
    });
    await expect(keys.find('a', waitUntil)).rejects.toMatchObject({ code: 'unavailable' });
    expect(keys.sizes().known).toBe(0);
  });
});

describe('an unknown key', () => {
  it('is not asked about again for five seconds from when it was asked, and then works if it was made meanwhile', async () => {
    const { keys, find, clock } = fixture();
    find.mockImplementationOnce(async () => {
      clock.at += 2_000;
      return null;
    });
    expect(await keys.find('a', waitUntil)).toBeNull();
    clock.at = start + 4_999;
    expect(await keys.find('a', waitUntil)).toBeNull();
    expect(find).toHaveBeenCalledTimes(1);
    clock.at = start + 5_000;
    expect(await keys.find('a', waitUntil)).toBe(aUser);
  });

  it('is asked about again when the clock was set back', async () => {
    const { keys, find, clock } = fixture();
    find.mockResolvedValueOnce(null);
    await keys.find('a', waitUntil);
    clock.at -= 3_600_000;
    expect(await keys.find('a', waitUntil)).toBe(aUser);
  });

  it('takes no room from others: 50,000 of them leave the memory bounded and a known key known', async () => {
    const { keys, find } = fixture(async (hash) => (hash === 'good' ? aUser : null));
    await keys.find('good', waitUntil);
    for (let i = 0; i < 50_000; i++) await keys.find(`bad-${i}`, waitUntil);
    const { known, unknown } = keys.sizes();
    expect(known).toBe(1);
    expect(unknown).toBeLessThanOrEqual(10_000);
    find.mockClear();
    await keys.find('good', waitUntil);
    expect(find).not.toHaveBeenCalled();
  });

  it('is not remembered as unknown when nobody could tell', async () => {
    const { keys, find } = fixture();
    find.mockRejectedValueOnce(new AppError('unavailable', 'away'));
    await expect(keys.find('a', waitUntil)).rejects.toMatchObject({ code: 'unavailable' });
    expect(await keys.find('a', waitUntil)).toBe(aUser);
  });
});

describe('a look-up that never ends, as the platform ended the request that started it', () => {
  afterEach(() => void vi.useRealTimers());

  /** Nobody else waits for it either: the time that this request would wait does not pass. */
  function abandoned(): Fixture {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const made = fixture();
    made.find.mockReturnValueOnce(new Promise(() => undefined));
    void made.keys.find('a', waitUntil).catch(() => undefined);
    return made;
  }

  it.each([
    ['when it has taken too long', 5_500],
    ['an hour later', 3_600_000],
    ['when the clock was set back', -3_600_000],
  ])('is not joined %s, but replaced', async (_when, passed) => {
    const { keys, find, clock } = abandoned();
    clock.at += passed;
    expect(await keys.find('a', waitUntil)).toBe(aUser);
    expect(find).toHaveBeenCalledTimes(2);
  });

  it('is waited for no longer by those who joined it than by the one who started it', async () => {
    const { keys, find, clock } = abandoned();
    clock.at += 5_000;
    const joined = keys.find('a', waitUntil).catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(500);
    expect(await joined).toMatchObject({ code: 'unavailable' });
    expect(find).toHaveBeenCalledTimes(1);
  });

  it('is forgotten when another key is looked up after its time', async () => {
    const { keys, find, clock } = abandoned();
    find.mockReturnValueOnce(new Promise(() => undefined));
    void keys.find('b', waitUntil).catch(() => undefined);
    expect(keys.sizes().lookUps).toBe(2);
    clock.at += 5_500;
    await keys.find('c', waitUntil);
    expect(keys.sizes().lookUps).toBe(0);
  });

  it('does not bring a key back that was revoked meanwhile, when it ends after all', async () => {
    const { keys, find, clock, revoked } = fixture();
    const late = Promise.withResolvers<ResolvedKey | null>();
    find.mockReturnValueOnce(late.promise);
    const first = keys.find('a', waitUntil);
    clock.at += 5_500;
    revoke(revoked, 'key', 'key-1');
    find.mockResolvedValue(null);
    expect(await keys.find('a', waitUntil)).toBeNull();
    late.resolve(aUser);
    expect(await first).toBeNull();
    expect(keys.recall('a')).toBeNull();
  });
});

describe('many keys', () => {
  it('are at most 10,000, and the ones in use stay', async () => {
    const { keys, find } = fixture();
    for (let i = 0; i < 30_000; i++) {
      await keys.find(`key-${i}`, waitUntil);
      if (i % 1_000 === 0) await keys.find('busy', waitUntil);
    }
    expect(keys.sizes().known).toBeLessThanOrEqual(10_000);
    expect(find.mock.calls.filter(([hash]) => hash === 'busy')).toHaveLength(1);
  });

  it('are looked up once each, however many ask at once, and the work outlives the request that started it', async () => {
    const { keys, find } = fixture();
    const work: Promise<unknown>[] = [];
    const asking = Array.from({ length: 1_000 }, () => keys.find('a', (promise) => void work.push(promise)));
    const found = await Promise.all(asking);
    expect(new Set(found)).toEqual(new Set([aUser]));
    expect(find).toHaveBeenCalledTimes(1);
    expect(work).toHaveLength(1);
  });
});
