/** How late this process is. */
export type LoopLag = {
  /** By how much timers have been late lately, in milliseconds. */
  ms: () => number;
  stop: () => void;
};

/** Of what a tick shows: one long pause is forgotten within a second, a steady one is believed as fast. */
const weight = 0.3;

/** Measures how long work waits for the event loop: the one queue that every call of this process stands in. */
export function watchLoopLag(tickMs = 100): LoopLag {
  let late = 0;
  let expected = performance.now() + tickMs;
  const timer = setInterval(() => {
    const now = performance.now();
    late += weight * (Math.max(0, now - expected) - late);
    expected = now + tickMs;
  }, tickMs).unref();
  return { ms: () => late, stop: () => clearInterval(timer) };
}
