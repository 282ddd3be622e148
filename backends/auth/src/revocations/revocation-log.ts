import type { Revocation, RevocationFeed } from '#shared/identity/revocation-feed.ts';

export type StoredRevocation = Revocation & { sequence: number };

export type RevocationLog = {
  position: () => number;
  /** Starts over with these, the whole window in order; `position` is the highest number there is. */
  load: (rows: StoredRevocation[], position: number, now: number) => void;
  append: (rows: StoredRevocation[], now: number) => void;
  /** What came after a position; the whole window for null and for a position that cannot be answered from memory. */
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
  /** The lowest position from which nothing is missing. */
  let floor = 0;
  let completeSince = 0;

  const trim = (now: number): void => {
    const tooOld = entries.findIndex(({ at }) => at >= now - windowSeconds);
    const old = tooOld === -1 ? entries.length : tooOld;
    const surplus = Math.max(0, entries.length - maxEntries);
    completeSince = Math.max(completeSince, now - windowSeconds, (entries[surplus - 1]?.at ?? -1) + 1);
    const last = entries[Math.max(old, surplus) - 1];
    if (!last) return;
    floor = last.sequence;
    entries = entries.slice(Math.max(old, surplus));
  };
  const append = (rows: StoredRevocation[], now: number): void => {
    for (const row of rows) entries.push(row);
    newest = Math.max(newest, rows.at(-1)?.sequence ?? 0);
    trim(now);
  };
  return {
    position: () => newest,
    append,
    load: (rows, position, now) => {
      entries = [];
      completeSince = 0;
      floor = (rows[0]?.sequence ?? position + 1) - 1;
      newest = position;
      append(rows, now);
    },
    after: (position) => {
      const reset = position === null || position < floor || position > newest;
      const from = reset ? 0 : entries.findLastIndex(({ sequence }) => sequence <= position) + 1;
      const revocations = entries.slice(from).map(({ kind, id, at }) => ({ kind, id, at }));
      return { position: newest, reset, completeSince, revocations };
    },
  };
}
