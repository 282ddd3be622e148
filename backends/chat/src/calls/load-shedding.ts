import { AppError } from '#shared/http/error.ts';
import type { LoopLag } from './loop-lag.ts';

export type LoadShedding = {
  /**
   * Takes a place for a call, or throws `unavailable` before anything was done for it. The result gives the place
   * back; calling it again changes nothing.
   */
  enter: () => () => void;
  running: () => number;
};

export type LoadSheddingOptions = {
  maxCalls: number;
  /** Beyond this, one more call would make all of them slower. */
  maxLagMs?: number;
  lag: Pick<LoopLag, 'ms'>;
};

const retryAfterSeconds = 2;

/** Refuses calls that this process cannot serve well, so that those it has taken finish in time. Health is no call. */
export function createLoadShedding({ maxCalls, maxLagMs = 250, lag }: LoadSheddingOptions): LoadShedding {
  let running = 0;
  return {
    running: () => running,
    enter: () => {
      if (running >= maxCalls || lag.ms() > maxLagMs) throw overloaded();
      running += 1;
      let isInside = true;
      return () => {
        if (isInside) running -= 1;
        isInside = false;
      };
    },
  };
}

function overloaded(): AppError {
  return new AppError('unavailable', 'Too many calls are running here; please try again', { retryAfterSeconds });
}
