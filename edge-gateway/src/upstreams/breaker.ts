/** Keeps requests away from an upstream that fails anyway. Its whole state is two numbers, per isolate. */
export type Breaker = {
  /** 0 lets a request through; otherwise how long to stay away, in milliseconds. */
  wait: () => number;
  /** Whether the last outcome was good, so that trying once more may help. */
  isCalm: () => boolean;
  succeeded: () => void;
  failed: () => void;
};

export type BreakerOptions = { failuresToOpen?: number; coolDownMs?: number; now?: () => number };

/**
 * Opens after that many failures in a row. Then one request per cool-down goes through as a probe: the first good
 * outcome closes it. A probe whose client leaves reports nothing, and the next cool-down simply sends another.
 */
export function createBreaker({
  failuresToOpen = 5,
  coolDownMs = 2_000,
  now = Date.now,
}: BreakerOptions = {}): Breaker {
  let failures = 0;
  let refuseUntil = 0;
  return {
    wait: () => {
      if (failures < failuresToOpen) return 0;
      const left = refuseUntil - now();
      if (left > 0) return left;
      refuseUntil = now() + coolDownMs;
      return 0;
    },
    isCalm: () => failures === 0,
    succeeded: () => {
      failures = 0;
    },
    failed: () => {
      failures += 1;
      refuseUntil = now() + coolDownMs;
    },
  };
}
