import { revocationRules, type Revocation, type RevocationFeed } from '#shared/identity/revocation-feed.ts';

/** What was revoked within the feed's window, as far as this isolate has read. */
export type Revoked = {
  /** Where to go on reading; null: from the start. */
  position: () => number | null;
  apply: (feed: RevocationFeed, nowMs: number) => void;
  /** Grows with every answer that brought something. What was looked up at one mark may be stale at a later one. */
  mark: () => number;
  /** Whether a key that was looked up at that mark has to be looked up again. */
  hasKeyChanged: (keyId: string, userId: string, mark: number) => boolean;
  /** `keyId`: the key that was exchanged for the token, which ends with it. */
  isSessionRevoked: (sessionId: string | null, userId: string, issuedAt: number, keyId?: string | null) => boolean;
};

type Entry = { mark: number; at: number };
type Entries = Map<string, Entry>;

/** The auth backend holds fewer; a state that outgrew it is read anew as a whole. */
const maxEntries = 200_000;

/**
 * Marks are this isolate's own count and not the feed's position, so that they stay comparable when the feed starts
 * over. A look-up notes the mark when it starts: whatever was revoked by then it has seen, whatever comes later makes
 * it stale, even when its answer arrives after the revocation did.
 */
export function createRevoked(): Revoked {
  const entries: Record<Revocation['kind'], Entries> = { key: new Map(), session: new Map(), user: new Map() };
  const all = Object.values(entries);
  let position: number | null = null;
  let mark = 0;
  let resetMark = 0;
  let completeSince = Infinity;

  const forget = (before: number): void => {
    for (const map of all) removeWhile(map, ({ at }) => at < before);
    completeSince = Math.max(completeSince, before);
  };
  const startOver = (feed: RevocationFeed): void => {
    for (const map of all) map.clear();
    resetMark = mark;
    completeSince = feed.completeSince;
  };
  return {
    position: () => position,
    mark: () => mark,
    apply: (feed, nowMs) => {
      if (feed.reset || feed.revocations.length > 0) mark += 1;
      if (feed.reset) startOver(feed);
      for (const { kind, id, at } of feed.revocations) put(entries[kind], id, { mark, at });
      forget(Math.floor(nowMs / 1_000) - revocationRules.windowSeconds);
      position = all.reduce((sum, map) => sum + map.size, 0) > maxEntries ? null : feed.position;
    },
    hasKeyChanged: (keyId, userId, since) =>
      since < resetMark || markOf(entries.key, keyId) > since || markOf(entries.user, userId) > since,
    isSessionRevoked: (sessionId, userId, issuedAt, keyId = null) => {
      if (issuedAt < completeSince) return true;
      if (sessionId !== null && entries.session.has(sessionId)) return true;
      // Within the second of the revocation nobody can tell which came first.
      if (keyId !== null && issuedAt <= (entries.key.get(keyId)?.at ?? -1)) return true;
      return issuedAt <= (entries.user.get(userId)?.at ?? -1);
    },
  };
}

function markOf(map: Entries, id: string): number {
  return map.size === 0 ? -1 : (map.get(id)?.mark ?? -1);
}

/** At the end, so that the order of a map stays the order of time, and never back in time. */
function put(map: Entries, id: string, entry: Entry): void {
  const at = Math.max(entry.at, map.get(id)?.at ?? 0);
  map.delete(id);
  map.set(id, { mark: entry.mark, at });
}

function removeWhile(map: Entries, isOld: (entry: Entry) => boolean): void {
  for (const [id, entry] of map) {
    if (!isOld(entry)) return;
    map.delete(id);
  }
}
