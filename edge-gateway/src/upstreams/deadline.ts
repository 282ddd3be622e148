import { isAlive } from './liveness.ts';

export type DeadlineOptions = { origin: string; firstByteMs: number; send: typeof fetch };

/** `stop` as soon as the answer starts: a signal that fires later would cut its body. */
export type Deadline = {
  signal: AbortSignal;
  /** Whether the time was cut short because nobody was there. */
  isGone: () => boolean;
  stop: () => void;
};

/**
 * Ends the wait for a first byte, all attempts together: when its time is up, or when the upstream, asked after 5 s,
 * 10 s, 20 s, … of silence, does not even tell its version.
 */
export function startDeadline({ origin, firstByteMs, send }: DeadlineOptions): Deadline {
  const livenessMs = Math.min(5_000, firstByteMs / 3);
  const controller = new AbortController();
  let stopped = false;
  let gone = false;
  let waited = 0;
  const expire = (): void => {
    if (!stopped) controller.abort();
  };
  const check = (): void => {
    void isAlive(origin, livenessMs, send).then((alive) => {
      if (alive || controller.signal.aborted) return;
      gone = true;
      expire();
    });
    wait();
  };
  const wait = (): void => {
    const pause = Math.min(waited || livenessMs, firstByteMs - waited);
    waited += pause;
    timer = setTimeout(waited < firstByteMs ? check : expire, pause);
  };
  let timer = 0;
  wait();
  return {
    signal: controller.signal,
    isGone: () => gone,
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
