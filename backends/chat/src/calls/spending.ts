import { tokenCost, type TokenUsage } from '#shared/prices/money.ts';
import type { Call, Spent, Target } from './call.ts';
import { completeUsage, type ReportedUsage } from './reported-usage.ts';

/** English text has about four bytes a token. Used only for what a vendor did not report. */
const bytesPerToken = 4;

/** What an answer took: what its vendor reported, and where it did not, what passed. */
export function spentOn(call: Call, target: Target, reported: ReportedUsage, textBytes: number): Spent {
  const exact = completeUsage(reported);
  const usage = exact ?? estimate(call, reported, textBytes);
  return { usage, isEstimated: exact === undefined, costMicros: tokenCost(usage, target.price) };
}

export const spentNothing: Spent = {
  usage: { input: 0, cachedInput: 0, output: 0 },
  isEstimated: false,
  costMicros: 0,
};

function estimate(call: Call, { input, cachedInput = 0, output }: ReportedUsage, textBytes: number): TokenUsage {
  const counted = input ?? Math.ceil(call.rawBody.length / bytesPerToken);
  return {
    input: counted,
    cachedInput: Math.min(cachedInput, counted),
    output: Math.max(output ?? 0, Math.ceil(textBytes / bytesPerToken)),
  };
}
