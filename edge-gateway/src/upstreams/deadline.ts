import { livenessOf } from './liveness.ts';

export type DeadlineOptions = { origin: string; firstByteMs: number; send: typeof fetch };

export type Deadline = {
  /**
   * Waits for one thing at a time, at most until the time is up. A signal for `fetch` would cost every request a tenth
   * of its CPU; what came too late is cancelled by the platform when the answer is out.
   */
  within: <T>(work: Promise<T>) => Promise<T>;
  isOver: () => boolean;
  /** Whether the time was cut short because nobody was there. */
  isGone: () => boolean;
  stop: () => void;
};

/**
 * Ends the wait for a first byte, all attempts together: when its time is up, or when the upstream, asked after 5 s,
 * 10 s, 20 s, … of silence, says nothing at all. One that drains refuses the question and still finishes our call; were
 * its process dead, our own connection would have been reset.
 */
export function startDeadline({ origin, firstByteMs, send }: DeadlineOptions): Deadline {
  const livenessMs = Math.min(5_000, firstByteMs / 3);
  let state: 'waiting' | 'stopped' | 'late' | 'gone' = 'waiting';
  let waited = 0;
  const expire = (how: 'late' | 'gone'): void => {
    if (state !== 'waiting') return;
    state = how;
    giveUp(passed());
  };
  const check = (): void => {
    void livenessOf(origin, livenessMs, send).then((found) => found === 'silent' && expire('gone'));
    wait();
  };
  const wait = (): void => {
    const pause = Math.min(waited || livenessMs, firstByteMs - waited);
    waited += pause;
    timer = setTimeout(waited < firstByteMs ? check : () => expire('late'), pause);
  };
  let timer = 0;
  // It may pass between two attempts, when nobody waits.
  let giveUp: (reason: Error) => void = () => undefined;
  wait();
  return {
    within: (work) =>
      new Promise((resolve, reject) => {
        giveUp = reject;
        if (state === 'waiting') work.then(resolve, reject);
        else reject(passed());
      }),
    isOver: () => state === 'late' || state === 'gone',
    isGone: () => state === 'gone',
    stop: () => {
      if (state === 'waiting') state = 'stopped';
      clearTimeout(timer);
    },
  };
}

function passed(): Error {
  return new Error('the deadline has passed');
}
