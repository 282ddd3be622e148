import type { Admission, CallOutcome, Metering } from '../money/metering.ts';

export type TestMetering = Metering & {
  /** Why the next call is not admitted. */
  refuseNext: (refusal: Error) => void;
  admissions: Admission[];
  /** In the order in which calls ended. */
  outcomes: CallOutcome[];
  /** Resolves when that many calls have ended. */
  settled: (count: number) => Promise<readonly CallOutcome[]>;
};

/** Admits everybody and remembers what it was told. */
export function createTestMetering(): TestMetering {
  const admissions: Admission[] = [];
  const outcomes: CallOutcome[] = [];
  const refusals: Error[] = [];
  const waiting = new Set<() => void>();
  return {
    admissions,
    outcomes,
    settled: async (count) => {
      while (outcomes.length < count) await new Promise<void>((resolve) => waiting.add(resolve));
      return outcomes;
    },
    refuseNext: (refusal) => void refusals.push(refusal),
    admit: async (admission) => {
      const refusal = refusals.shift();
      if (refusal) throw refusal;
      admissions.push(admission);
      const { callId, principal, worst: granted } = admission;
      const headers = { ratelimit: `"tpm";r=${admissions.length};t=60` };
      return { callId, principal, granted, isReserved: false, isAwaited: false, at: new Date(), headers };
    },
    settle: async (_admitted, outcome) => {
      outcomes.push(outcome);
      for (const wake of waiting) wake();
      waiting.clear();
    },
  };
}
