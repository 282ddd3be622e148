import { AppError } from '#shared/http/error.ts';

export type Deadline = {
  /** Aborts with the AppError that tells why. */
  signal: AbortSignal;
  /** The call is over. */
  done: () => void;
  /** The same, and ends whatever still runs of it. */
  end: () => void;
  isOver: () => boolean;
};

/** Ends a call to a provider when the client leaves, or when it took `totalMs` altogether. */
export function createDeadline(clientLeft: AbortSignal, totalMs: number): Deadline {
  const controller = new AbortController();
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
  return new AppError('upstream_timeout', `The provider sent nothing for ${ms} ms`, { sideEffectPossible: true });
}
