import { describe, expect, it, vi } from 'vitest';
import type { RevocationFeed } from '#shared/identity/revocation-feed.ts';
import { createRevocations, type Revocations } from './revocations.ts';

const start = Date.parse('2026-01-01T00:00:00Z');
const startSeconds = start / 1_000;
const empty: RevocationFeed = { position: 7, reset: true, completeSince: 0, ageMs: 0, revocations: [] };
type Read = (after: number | null) => Promise<RevocationFeed>;

type Fixture = {
  revocations: Revocations;
  read: ReturnType<typeof vi.fn<Read>>;
  /** Moves the clock. */
  pass: (ms: number) => void;
  current: () => Promise<void>;
  /** Resolves when all background work has ended. */
  settled: () => Promise<void>;
};

function fixture(graceSeconds = 30): Fixture {
  let at = start;
  const background: Promise<unknown>[] = [];
  const read = vi.fn<Read>(async () => empty);
  const revocations = createRevocations({ read, graceSeconds, now: () => at });
  return {
    revocations,
    read,
    pass: (ms) => (at += ms),
    current: async () => await revocations.current((work) => void background.push(work)),
    settled: async () => void (await Promise.all(background)),
  };
}

/** A fixture that has read the feed once and whose next readings fail. */
async function failing(graceSeconds?: number): Promise<Fixture> {
  const made = fixture(graceSeconds);
  await made.current();
  made.read.mockRejectedValue(new Error('away'));
  return made;
}

/** Whether a request is served only once the feed has answered. */
async function waits({ read, current }: Fixture): Promise<boolean> {
  const answer = Promise.withResolvers<RevocationFeed>();
  read.mockReturnValueOnce(answer.promise);
  let isServed = false;
  const serving = current().then(() => (isServed = true));
  await new Promise((resolve) => setTimeout(resolve, 0));
  const hasWaited = !isServed;
  answer.resolve(empty);
  await serving;
  return hasWaited;
}

describe('a feed that answers', () => {
  it('is read from its start before the first request goes on', async () => {
    const { read, current } = fixture();
    await current();
    expect(read.mock.calls).toEqual([[null]]);
  });

  it('is left alone for two seconds, then read on behind a request that does not wait', async () => {
    const { read, current, pass } = fixture();
    await current();
    pass(2_000);
    await current();
    expect(read).toHaveBeenCalledTimes(1);
    read.mockReturnValue(new Promise(() => undefined));
    pass(1);
    await current();
    expect(read.mock.calls).toEqual([[null], [7]]);
  });

  it('makes a request wait that finds it older than five seconds', async () => {
    const { read, current, pass, revocations } = fixture();
    await current();
    pass(5_001);
    const answer = Promise.withResolvers<RevocationFeed>();
    read.mockReturnValue(answer.promise);
    const waiting = current();
    answer.resolve({ ...empty, reset: false, revocations: [{ kind: 'session', id: 's', at: startSeconds }] });
    await waiting;
    expect(revocations.isSessionRevoked('s', 'u', startSeconds)).toBe(true);
  });

  it('is read once however many wait for it', async () => {
    const { read, current } = fixture();
    await Promise.all(Array.from({ length: 100 }, current));
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('counts its age from the database and not from when the answer came', async () => {
    const { read, current, pass } = fixture();
    read.mockResolvedValueOnce({ ...empty, ageMs: 1_900 });
    await current();
    pass(101);
    await current();
    expect(read).toHaveBeenCalledTimes(2);
  });
});

describe('a feed that cannot be read', () => {
  it('refuses the first request of a fresh isolate', async () => {
    const { read, current } = fixture();
    read.mockRejectedValue(new Error('away'));
    await expect(current()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('lets requests go on within the grace and not a moment longer', async () => {
    const { current, pass } = await failing(30);
    pass(35_000);
    await current();
    pass(1);
    await expect(current()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('refuses after five seconds when the grace is 0', async () => {
    const { current, pass, settled } = await failing(0);
    pass(5_000);
    await current();
    await settled();
    pass(1);
    await expect(current()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('is tried once a second at most, and nobody waits for it again within the grace', async () => {
    const { read, current, pass } = await failing();
    pass(6_000);
    await current();
    read.mockReturnValue(new Promise(() => undefined));
    pass(999);
    await current();
    expect(read).toHaveBeenCalledTimes(2);
    pass(1);
    await current();
    expect(read).toHaveBeenCalledTimes(3);
  });

  it('is believed again as soon as it answers', async () => {
    const { read, current, pass } = await failing();
    pass(60_000);
    await expect(current()).rejects.toMatchObject({ code: 'unavailable' });
    read.mockResolvedValue(empty);
    pass(1_000);
    await current();
  });

  it('is tried anew when an attempt never ends, and what the old one still brings is not taken', async () => {
    const { read, current, pass, settled, revocations } = fixture();
    await current();
    const lost = Promise.withResolvers<RevocationFeed>();
    read.mockReturnValueOnce(lost.promise);
    pass(2_001);
    await current();
    pass(4_001);
    await current();
    lost.resolve({ ...empty, position: 1 });
    await settled();
    expect(revocations.mark()).toBe(2);
    pass(2_001);
    await current();
    expect(read.mock.calls.at(-1)).toEqual([7]);
  });
});

describe('a feed that could not be read once', () => {
  it('is waited for when it is older than five seconds: the grace is for one that cannot be read now', async () => {
    const made = fixture();
    await made.current();
    made.pass(2_100);
    made.read.mockRejectedValueOnce(new Error('away'));
    await made.current();
    await made.settled();
    made.pass(29_900);
    expect(await waits(made)).toBe(true);
  });

  it('is waited for after it answered again, even if its answer was true before it failed', async () => {
    const made = fixture();
    made.read.mockRejectedValueOnce(new Error('away'));
    await expect(made.current()).rejects.toMatchObject({ code: 'unavailable' });
    made.pass(1_000);
    made.read.mockResolvedValueOnce({ ...empty, ageMs: 2_000 });
    await made.current();
    made.pass(3_001);
    expect(await waits(made)).toBe(true);
  });

  it('is waited for when the attempt that failed was given up on before, and a later one succeeded', async () => {
    const made = fixture();
    await made.current();
    const lost = Promise.withResolvers<RevocationFeed>();
    made.read.mockReturnValueOnce(lost.promise);
    made.pass(2_001);
    await made.current();
    made.pass(4_001);
    await made.current();
    made.pass(4_000);
    lost.reject(new Error('away'));
    await made.settled();
    made.pass(1_001);
    expect(await waits(made)).toBe(true);
  });

  it('is not waited for while the next attempt has not told whether it still fails', async () => {
    const made = await failing();
    made.pass(6_000);
    await made.current();
    made.pass(4_000);
    expect(await waits(made)).toBe(false);
  });
});

describe('a clock that was set back', () => {
  it('makes what is known too old, and so it is waited for', async () => {
    const made = fixture();
    await made.current();
    made.pass(-1_001);
    expect(made.revocations.areFresh()).toBe(false);
    expect(await waits(made)).toBe(true);
    expect(made.revocations.areFresh()).toBe(true);
  });

  it('by a second is none: requests that run at the same time see slightly different times', async () => {
    const { revocations, read, current, pass } = fixture();
    await current();
    pass(-1_000);
    expect(revocations.areFresh()).toBe(true);
    await current();
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('lets the feed be read at once, whatever failed or never ended before', async () => {
    const made = await failing();
    made.pass(6_000);
    await made.current();
    made.pass(-3_600_000);
    made.read.mockReturnValueOnce(new Promise(() => undefined));
    void made.current();
    expect(made.read).toHaveBeenCalledTimes(3);
    made.pass(-3_600_000);
    expect(await waits(made)).toBe(true);
  });
});

describe('tokens', () => {
  it('of a revoked session or user are refused if they were issued by then, later ones of the user are not', async () => {
    const { revocations, read, current } = fixture();
    const at = startSeconds;
    read.mockResolvedValue({
      ...empty,
      revocations: [
        { kind: 'session', id: 's', at },
        { kind: 'user', id: 'u', at },
        { kind: 'key', id: 'k', at },
      ],
    });
    await current();
    const { isSessionRevoked } = revocations;
    expect(isSessionRevoked('s', 'x', at + 9)).toBe(true);
    expect([at - 1, at, at + 1].map((issuedAt) => isSessionRevoked('x', 'u', issuedAt))).toEqual([true, true, false]);
    expect(isSessionRevoked(null, 'x', at - 1, 'k')).toBe(true);
    expect(isSessionRevoked(null, 'x', at + 1, 'k')).toBe(false);
    expect(isSessionRevoked('u', 's', at - 1)).toBe(false);
  });

  it('from before what the feed can vouch for are refused', async () => {
    const { revocations, read, current } = fixture();
    read.mockResolvedValue({ ...empty, completeSince: startSeconds - 10 });
    await current();
    expect(revocations.isSessionRevoked('s', 'u', startSeconds - 11)).toBe(true);
    expect(revocations.isSessionRevoked('s', 'u', startSeconds - 10)).toBe(false);
  });

  it('are all refused before the feed was read', () => {
    expect(fixture().revocations.isSessionRevoked('s', 'u', startSeconds)).toBe(true);
  });

  it('whose revocation is older than any token may be are forgotten with it', async () => {
    const { revocations, read, current, pass } = fixture();
    read.mockResolvedValue({ ...empty, revocations: [{ kind: 'user', id: 'u', at: startSeconds }] });
    await current();
    pass(26 * 3_600_000);
    read.mockResolvedValue({ ...empty, reset: false });
    await current();
    expect(revocations.isSessionRevoked('s', 'u', startSeconds + 26 * 3_600)).toBe(false);
    expect(revocations.isSessionRevoked('s', 'u', startSeconds)).toBe(true);
  });
});
