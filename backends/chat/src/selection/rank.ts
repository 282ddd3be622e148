import { tokenCost, type Micros } from '#shared/prices/money.ts';
import type { Candidate } from './candidates.ts';
import { neededCapabilities, responseTimeLimit, type Priority, type Wishes } from './wishes.ts';

export type Ranked = Candidate & {
  score: number;
  /** Of the expected call; null where no price is known. */
  costMicros: Micros | null;
  /** Whether it was measured within the limit; null where it was not measured. */
  isFastEnough: boolean | null;
};

/** How fast an answer in virtual reality must begin not to feel like waiting. */
const vrMs = 700;

/** What nobody measured is taken for the middle: not ruled out, and not preferred to what is known to be good. */
const unknownShare = 0.5;

/** The candidates that can do what is needed, the best first. Equal ones in the order they came. */
export function rankModels(candidates: readonly Candidate[], wishes: Wishes): Ranked[] {
  const needed = neededCapabilities(wishes);
  const able = candidates.filter(({ card }) => [...needed].every((need) => has(card.capabilities, need)));
  const costs = able.map((candidate) => costOf(candidate, wishes));
  const cheapest = Math.min(...costs.filter((cost) => cost !== null));
  const ranked = able.map((candidate, index) => {
    const costMicros = costs[index] ?? null;
    const shares = sharesOf(candidate, wishes, cheapness(costMicros, cheapest));
    return {
      ...candidate,
      costMicros,
      score: scoreOf(shares, wishes.priority),
      isFastEnough: fastEnough(candidate, wishes),
    };
  });
  return ranked.sort((a, b) => b.score - a.score || endOf(b) - endOf(a));
}

/** All between 0 and 1. */
type Shares = { quality: number; speed: number; vrSpeed: number; cheapness: number };

const bonuses: Record<Priority, (shares: Shares) => number> = {
  speed: ({ speed }) => 0.5 * speed,
  quality: ({ quality }) => 0.5 * quality,
  balanced: ({ quality, speed }) => 0.25 * quality + 0.25 * speed,
  vr: ({ vrSpeed }) => 0.5 * vrSpeed,
  cost: ({ cheapness }) => 0.5 * cheapness,
};

function scoreOf(shares: Shares, priority: Priority): number {
  const score = 0.4 * shares.quality + 0.3 * shares.speed + bonuses[priority](shares);
  return Math.round(score * 10_000) / 10_000;
}

function sharesOf({ card, latency }: Candidate, wishes: Wishes, cheapness: number): Shares {
  const within = (limit: number): number => (latency ? Math.max(0, 1 - latency.firstByteMs / limit) : unknownShare);
  return {
    quality: card.quality ?? unknownShare,
    speed: within(responseTimeLimit(wishes)),
    vrSpeed: within(vrMs),
    cheapness,
  };
}

function costOf({ card }: Candidate, { inputTokens, outputTokens }: Wishes): Micros | null {
  return card.price && tokenCost({ input: inputTokens, cachedInput: 0, output: outputTokens }, card.price);
}

/** How many times the cheapest could be called for the same money, turned around. What has no price is not cheap. */
function cheapness(cost: Micros | null, cheapest: Micros): number {
  if (cost === null) return 0;
  return cost === 0 ? 1 : cheapest / cost;
}

function fastEnough({ latency }: Candidate, wishes: Wishes): boolean | null {
  return latency && latency.firstByteMs <= responseTimeLimit(wishes);
}

function endOf({ card }: Candidate): number {
  return card.endsOn === null ? Number.MAX_SAFE_INTEGER : Date.parse(card.endsOn);
}

function has(capabilities: readonly string[], need: string): boolean {
  return capabilities.includes(need);
}
