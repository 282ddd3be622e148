import { createHash } from 'node:crypto';
import type { Revocation, RevocationFeed } from '#shared/identity/revocation-feed.ts';

/** Users whom only this feed can stop, since somebody else goes on giving them tokens. */
export type StandingRevocations = {
  set: (userIds: readonly string[]) => void;
  /** Turns the position that a reader showed into the one in the log. */
  positionOf: (position: number) => number;
  /** The feed's answer as the reader gets it: with the users where it does not have this slot's news of them. */
  addTo: <Feed extends Omit<RevocationFeed, 'ageMs'>>(feed: Feed, position: number | null, now: number) => Feed;
};

/** Kept apart, so that a feed without standing revocations has plain numbers as positions. */
export const noStanding: StandingRevocations = {
  set: () => undefined,
  positionOf: (position) => position,
  addTo: (feed) => feed,
};

const slotSeconds = 10;
/**
 * Beyond the end of a slot: readers are up to 5 s behind, and the clock of whoever makes the tokens may be 30 s ahead.
 * Where it is right, this also covers the gateway's grace. Who is enabled again waits this long for a new token.
 */
const marginSeconds = 35;
/** Positions are the log's × this + a mark; they fit into a JSON number for eight thousand million revocations. */
const marks = 2 ** 10;

/**
 * The edge refuses tokens that were made before a revocation of their user, so one that stands lies ahead of the clock,
 * and is told again before the clock has come there. The mark in a position says what of this its reader was told: it
 * follows from slot and users, so that every process gives the same, and the list is sent once a slot and reader, and
 * at once when somebody comes in.
 */
export function createStandingRevocations(): StandingRevocations {
  let users: readonly string[] = [];
  let hash = 0;
  /** Never the same for two slots that follow each other, nor for nobody and somebody. */
  const markOf = (slot: number): number => (users.length === 0 ? 0 : 1 + ((slot + hash) % (marks - 1)));
  return {
    set: (userIds) => {
      users = userIds.toSorted();
      hash = hashOf(users);
    },
    positionOf: (position) => Math.floor(position / marks),
    addTo: (feed, position, now) => {
      const slot = Math.floor(now / slotSeconds);
      const mark = markOf(slot);
      const at = (slot + 1) * slotSeconds + marginSeconds;
      const isNews = feed.reset || position === null || position % marks !== mark;
      const standing: Revocation[] = isNews ? users.map((id) => ({ kind: 'user', id, at })) : [];
      return { ...feed, position: feed.position * marks + mark, revocations: [...feed.revocations, ...standing] };
    },
  };
}

function hashOf(users: readonly string[]): number {
  const hash = createHash('sha256');
  for (const user of users) hash.update(user);
  return hash.digest().readUInt32BE();
}
