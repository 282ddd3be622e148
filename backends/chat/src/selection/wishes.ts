import type { contextTypes, priorities } from '#shared/contracts/model-wishes.ts';
import type { Capability } from '#shared/prices/model-entry.ts';

export type Priority = (typeof priorities)[number];
export type ContextType = (typeof contextTypes)[number];

/** The longest acceptable wait for an answer to begin, and what a model must be able to. */
export const contextTable: Record<ContextType, { maxResponseTimeMs: number; needs: readonly Capability[] }> = {
  greeting: { maxResponseTimeMs: 500, needs: [] },
  conversation: { maxResponseTimeMs: 2_000, needs: [] },
  technical: { maxResponseTimeMs: 3_000, needs: [] },
  creative: { maxResponseTimeMs: 3_000, needs: [] },
  vr: { maxResponseTimeMs: 700, needs: [] },
  emergency: { maxResponseTimeMs: 300, needs: [] },
  multimodal: { maxResponseTimeMs: 5_000, needs: ['vision'] },
};

/** What a caller wants of a model. */
export type Wishes = {
  context: ContextType;
  priority: Priority;
  /** The caller's own limit; the context's where null. */
  maxResponseTimeMs: number | null;
  /** As callers wrote them: a capability that does not exist is one that no model has. */
  requiredCapabilities: readonly string[];
  /** What a call is expected to take; for comparing prices. */
  inputTokens: number;
  outputTokens: number;
};

/** A short exchange: a page of context and a paragraph or two of answer. */
export const usualWishes: Wishes = {
  context: 'conversation',
  priority: 'balanced',
  maxResponseTimeMs: null,
  requiredCapabilities: [],
  inputTokens: 1_000,
  outputTokens: 500,
};

export function responseTimeLimit({ context, maxResponseTimeMs }: Wishes): number {
  return maxResponseTimeMs ?? contextTable[context].maxResponseTimeMs;
}

export function neededCapabilities({ context, requiredCapabilities }: Wishes): ReadonlySet<string> {
  return new Set(['chat', ...contextTable[context].needs, ...requiredCapabilities]);
}
