import type { Revocation, RevocationFeed } from '#shared/identity/revocation-feed.ts';

/** With the position of whoever has read all up to this one. */
export type StoredRevocation = Revocation & { position: number };

export type RevocationLog = {
  position: () => number;
  /** Starts over with these, the whole window in order; `position` is that of the last one there is. */
  load: (rows: StoredRevocation[], position: number, now: number) => void;
  append: (rows: StoredRevocation[], now: number) => void;
  /**
   * What came after a position; the whole window for null, for a position from before it, and for one that no entry
   * has: it was given out before the database was restored to an earlier state.
   */
  after: (position: number | null) => Omit<RevocationFeed, 'ageMs'>;
};

export type RevocationLogOptions = { windowSeconds: number; maxEntries: number };

/**
 * The window of revocations in memory, bounded by age and by number. Where the number was what made it forget, the
 * window is shorter: `completeSince` says so, and sessions from before that have to be renewed. `now` is in seconds.
 */
export function createRevocationLog({ windowSeconds, maxEntries }: RevocationLogOptions): RevocationLog {
  let entries: StoredRevocation[] = [];
  let newest = 0;
  /** The position before the first entry. */
  let floor = 0;
  let completeSince = 0;

  const trim = (now: number): void => {
    const tooOld = entries.findIndex(({ at }) => at >= now - windowSeconds);
    const old = tooOld === -1 ? entries.length : tooOld;
    const surplus = Math.max(0, entries.length - maxEntries);
    completeSince = Math.max(completeSince, now - windowSeconds, (entries[surplus - 1]?.at ?? -1) + 1);
    const last = entries[Math.max(old, surplus) - 1];
    if (!last) return;
    floor = last.position;
    entries = entries.slice(Math.max(old, surplus));
  };
  const append = (rows: StoredRevocation[], now: number): void => {
    for (const row of rows) entries.push(row);
    newest = Math.max(newest, rows.at(-1)?.position ?? 0);
    trim(now);
  };
  return {
    position: () => newest,
    append,
    load: (rows, position, now) => {
      entries = [];
      completeSince = 0;
      floor = rows[0] ? rows[0].position - 1 : position;
      newest = position;
      append(rows, now);
    },
    after: (position) => {
      const index = position === null ? -1 : entries.findLastIndex((entry) => entry.position <= position);
      const isKnown = position === newest || position === (entries[index]?.position ?? floor);
      const from = isKnown ? index + 1 : 0;
      const revocations = entries.slice(from).map(({ kind, id, at }) => ({ kind, id, at }));
      return { position: newest, reset: !isKnown, completeSince, revocations };
    },
  };
}
