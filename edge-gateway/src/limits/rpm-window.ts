export const rpmWindowMs = 60_000;

/** What an isolate asks of a key's budget: one for the request that waits, and some to decide the next ones alone. */
export type LeaseAsk = { limit: number; ahead: number };

export type Lease = {
  /** 0: the budget of this window is spent. */
  granted: number;
  remaining: number;
  /** How long the window still lasts. A duration, because the clocks of two machines differ. */
  resetsInMs: number;
  /** Names the window; a later one has a greater number. */
  window: number;
};

export type RpmWindow = { granted: number; resetsAt: number };

/**
 * Grants a slice of a key's minute. The minute begins with the first request after the last one ended, so that a
 * burst meets one window and not two. What is granted counts as used: whatever gets lost can only admit less.
 * Speculation takes at most a quarter of what is left, so slices end at one and small limits never starve.
 */
export function grantLease(
  known: RpmWindow | undefined,
  { limit, ahead }: LeaseAsk,
  now: number,
): { window: RpmWindow; lease: Lease } {
  const { granted: before, resetsAt } = currentWindow(known, now);
  const left = Math.max(0, limit - before);
  const granted = left === 0 ? 0 : 1 + Math.min(Math.max(0, ahead), Math.floor((left - 1) / 4));
  return {
    window: { granted: before + granted, resetsAt },
    lease: { granted, remaining: left - granted, resetsInMs: resetsAt - now, window: resetsAt },
  };
}

function currentWindow(known: RpmWindow | undefined, now: number): RpmWindow {
  if (!known || now >= known.resetsAt) return { granted: 0, resetsAt: now + rpmWindowMs };
  // A clock that was set back must not stretch a window for hours; what it granted stays granted.
  return { granted: known.granted, resetsAt: Math.min(known.resetsAt, now + rpmWindowMs) };
}
