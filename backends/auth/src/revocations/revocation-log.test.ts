import { describe, expect, it } from 'vitest';
import { createRevocationLog, type StoredRevocation } from './revocation-log.ts';

const now = 100_000;
const row = (position: number, at = now): StoredRevocation => ({ position, kind: 'key', id: `k${position}`, at });
const ids = (answer: { revocations: { id: string }[] }): string[] => answer.revocations.map(({ id }) => id);

function filled(positions: number[], options = { windowSeconds: 60, maxEntries: 100 }) {
  const log = createRevocationLog(options);
  log.load(
    positions.map((position) => row(position)),
    positions.at(-1) ?? 0,
    now,
  );
  return log;
}

describe('the window of revocations', () => {
  it('gives what came after a position, gaps in the numbers or not', () => {
    const log = filled([3, 5, 9]);
    expect(log.after(3)).toMatchObject({ position: 9, reset: false });
    expect(ids(log.after(3))).toEqual(['k5', 'k9']);
    expect(ids(log.after(9))).toEqual([]);
    log.append([row(10)], now);
    expect(ids(log.after(9))).toEqual(['k10']);
  });

  it('starts over for who is new, who fell behind it, who is ahead of it, and who shows what it never gave', () => {
    const log = filled([3, 5]);
    for (const position of [null, 1, 4, 6]) {
      expect(log.after(position)).toMatchObject({ position: 5, reset: true });
      expect(ids(log.after(position))).toEqual(['k3', 'k5']);
    }
  });

  it('forgets what is older than the window, and says from when on it knows', () => {
    const log = filled([3]);
    log.append([row(4, now + 50)], now + 61);
    expect(log.after(null)).toMatchObject({ completeSince: now + 1, position: 4 });
    expect(ids(log.after(null))).toEqual(['k4']);
    expect(log.after(3).reset).toBe(false);
    expect(log.after(2).reset).toBe(true);
    log.append([], now + 500);
    expect(log.after(null)).toMatchObject({ revocations: [], position: 4 });
  });

  it('holds no more than it may, and vouches for nothing older than what it still has', () => {
    const log = createRevocationLog({ windowSeconds: 60, maxEntries: 2 });
    log.load([row(1, now - 3), row(2, now - 2), row(3, now - 1)], 3, now);
    expect(ids(log.after(null))).toEqual(['k2', 'k3']);
    expect(log.after(null).completeSince).toBe(now - 2);
    expect(log.after(0).reset).toBe(true);
  });
});
