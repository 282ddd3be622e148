import { describe, expect, it } from 'vitest';
import type { RevocationFeed } from '#shared/identity/revocation-feed.ts';
import { createStandingRevocations } from './standing-revocations.ts';

const feed: Omit<RevocationFeed, 'ageMs'> = { position: 7, reset: false, completeSince: 0, revocations: [] };
const at = 1_000_000;

describe('a user who is disabled while somebody else gives tokens', () => {
  it('is told once a slot, always for longer than a reader may be behind and a clock ahead', () => {
    const standing = createStandingRevocations();
    standing.set(['u1']);
    let position: number | null = null;
    const told: number[] = [];
    for (let now = at; now < at + 60; now++) {
      const answer: typeof feed = standing.addTo(feed, position, now);
      ({ position } = answer);
      told.push(...answer.revocations.map((revocation) => revocation.at));
      expect(told.at(-1)).toBeGreaterThanOrEqual(now + 35);
    }
    expect(told).toHaveLength(6);
  });

  it('comes back with the first token that is 45 seconds younger than being enabled, and none is refused later', () => {
    const standing = createStandingRevocations();
    standing.set(['u1']);
    const last = standing.addTo(feed, null, at).revocations[0];
    expect(last?.at).toBeLessThanOrEqual(at + 45);
    standing.set([]);
    for (const now of [at, at + 10, at + 100]) expect(standing.addTo(feed, null, now).revocations).toEqual([]);
  });
});
