import type { Candidate } from './candidates.ts';
import { warningsOf } from './lifetime.ts';
import { rankModels, type Ranked } from './rank.ts';
import { responseTimeLimit, type Wishes } from './wishes.ts';

export type Choice = {
  chosen: Ranked;
  /** The others that would do, the best first: what to fall back to. */
  others: readonly Ranked[];
  /** From 0 to 1: how much of what the choice rests on is known. */
  confidence: number;
  reasoning: string;
};

/** Calls after which a measured time is taken for certain. */
const enoughCalls = 20;

/**
 * The best model for what a caller wants; undefined where none can do it. A model that was measured slower than the
 * caller's own limit is out; the limit of a context only pushes slower ones behind, so that there is an answer.
 */
export function chooseModel(candidates: readonly Candidate[], wishes: Wishes, today: string): Choice | undefined {
  const [chosen, ...others] = inTime(rankModels(candidates, wishes), wishes);
  if (!chosen) return undefined;
  return {
    chosen,
    others,
    confidence: confidenceOf(chosen),
    reasoning: reasoningOf(chosen, wishes, today),
  };
}

function inTime(ranked: Ranked[], { maxResponseTimeMs }: Wishes): Ranked[] {
  const quick = ranked.filter(({ isFastEnough }) => isFastEnough !== false);
  if (maxResponseTimeMs !== null) return quick;
  const slow = ranked.filter(({ isFastEnough }) => isFastEnough === false);
  return [...quick, ...slow.sort((a, b) => (a.latency?.firstByteMs ?? 0) - (b.latency?.firstByteMs ?? 0))];
}

function confidenceOf({ card, latency, costMicros }: Ranked): number {
  const quality = card.quality === null ? 0 : 0.4;
  const speed = 0.4 * Math.min((latency?.calls ?? 0) / enoughCalls, 1);
  const price = costMicros === null ? 0 : 0.2;
  return Math.round((quality + speed + price) * 100) / 100;
}

function reasoningOf(chosen: Ranked, wishes: Wishes, today: string): string {
  const sentences = [
    `${chosen.name} scores ${chosen.score} for ${wishes.context} with priority ${wishes.priority}`,
    speedSentence(chosen, responseTimeLimit(wishes)),
    chosen.card.quality === null ? 'its quality is unknown' : `its quality is ${chosen.card.quality}`,
    chosen.costMicros === null ? 'its price is unknown' : `such a call costs about $${chosen.costMicros / 1_000_000}`,
    ...warningsOf(chosen.card, today).map((warning) => warning.charAt(0).toLowerCase() + warning.slice(1)),
  ];
  return `${sentences.join('; ')}.`;
}

function speedSentence({ latency, isFastEnough }: Ranked, limit: number): string {
  if (!latency) return `its speed was not measured yet, so it may miss the ${limit} ms`;
  const measured = `its answers began after ${latency.firstByteMs} ms (${latency.calls} measured)`;
  return isFastEnough === false ? `${measured}, which is over ${limit} ms, but no other is faster` : measured;
}
