import { AppError } from '#shared/http/error.ts';

export type Deadline = {
  /** Aborts with the AppError that tells why. */
  signal: AbortSignal;
  /** Ends the call if it still runs. */
  end: () => void;
};

/** Ends a call to a provider when the client leaves, or when it took `totalMs` altogether. */
export function createDeadline(clientLeft: AbortSignal, totalMs: number): Deadline {
  const controller = new AbortController();
  const leave = (): void => controller.abort(clientGone());
  const timer = setTimeout(() => controller.abort(tooLong(totalMs)), totalMs);
  clientLeft.addEventListener('abort', leave, { once: true });
  if (clientLeft.aborted) leave();
  return {
    signal: controller.signal,
    end: () => {
      clearTimeout(timer);
      clientLeft.removeEventListener('abort', leave);
      controller.abort(over);
    },
  };
}

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
