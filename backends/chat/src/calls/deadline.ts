import { AppError } from '#shared/http/error.ts';

export type Deadline = {
  /** Aborts with the AppError that tells why. */
  signal: AbortSignal;
  /** The call is over. */
  done: () => void;
  /** The same, and ends whatever still runs of it. */
  end: () => void;
  isOver: () => boolean;
  /** Until its time is up. */
  leftMs: () => number;
};

/** Ends a call to a provider when the client leaves, or when it took `totalMs` altogether. */
export function createDeadline(clientLeft: AbortSignal, totalMs: number): Deadline {
  const controller = new AbortController();
  const endsAt = performance.now() + totalMs;
  let isOver = false;
  const done = (): void => {
    isOver = true;
    clearTimeout(timer);
    clientLeft.removeEventListener('abort', leave);
  };
  const leave = (): void => controller.abort(clientGone());
  const timer = setTimeout(() => controller.abort(tooLong(totalMs)), totalMs);
  clientLeft.addEventListener('abort', leave, { once: true });
  if (clientLeft.aborted) leave();
  return {
    signal: controller.signal,
    done,
    end: () => {
      done();
      controller.abort(over);
    },
    isOver: () => isOver,
    leftMs: () => Math.max(endsAt - performance.now(), 0),
  };
}

/**
 * Divides the time that is left among those who may still be asked, so that one that hangs leaves some for the next.
 * Gives what is left for each from when it was first asked for.
 */
export function createShares<T>({ leftMs }: Pick<Deadline, 'leftMs'>, targets: readonly T[]): (target: T) => number {
  const ends = new Map<T, number>();
  return (target) => {
    const now = performance.now();
    const end = ends.get(target) ?? now + leftMs() / (targets.length - targets.indexOf(target));
    ends.set(target, end);
    return Math.max(end - now, 0);
  };
}

/** Ends one attempt when nothing came within `firstByteMs`, or with the call that it is a part of. */
export function createAttemptDeadline(call: AbortSignal, firstByteMs: number): AttemptDeadline {
  const controller = new AbortController();
  const end = (): void => controller.abort(call.reason);
  const timer = setTimeout(() => controller.abort(silent(firstByteMs)), firstByteMs);
  call.addEventListener('abort', end, { once: true });
  if (call.aborted) end();
  return { signal: controller.signal, begun: () => clearTimeout(timer) };
}

export type AttemptDeadline = {
  signal: AbortSignal;
  /** The first byte came. */
  begun: () => void;
};

/** Nobody reads the answer that this becomes; it only has to be neither our failure nor the provider's. */
export function clientGone(): AppError {
  return new AppError('request_timeout', 'The client closed the connection before the answer was complete');
}

const over = new AppError('request_timeout', 'The call is over');

function tooLong(totalMs: number): AppError {
  return new AppError('upstream_timeout', `The provider did not finish within ${totalMs} ms`, {
    sideEffectPossible: true,
  });
}

export function silent(ms: number): AppError {
  return new AppError('upstream_timeout', `The provider sent nothing for ${Math.round(ms)} ms`, {
    sideEffectPossible: true,
  });
}
