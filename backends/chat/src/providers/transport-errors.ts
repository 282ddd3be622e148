import { buildConnector } from 'undici';
import { AppError } from '#shared/http/error.ts';

/** Marks that nothing was sent: refused, unresolvable, too slow to connect, or no TLS that we trust. */
class NotConnected extends Error {
  override readonly name = 'NotConnected';

  constructor(cause: Error) {
    super('No connection to the vendor', { cause });
  }
}

const connectTimeouts = new Set(['UND_ERR_CONNECT_TIMEOUT', 'ETIMEDOUT']);

/** Connects as undici does, and tells a connection that never was from one that broke. */
export function createVendorConnector(timeoutMs: number): buildConnector.connector {
  const connect = buildConnector({ timeout: timeoutMs, allowH2: false });
  return (options, done) =>
    connect(options, (...result) => {
      const [error, socket] = result;
      if (error) return done(new NotConnected(error), null);
      return socket ? done(null, socket) : undefined;
    });
}

/** Translates a failure to get any answer at all. */
export function transportError(cause: unknown): AppError {
  if (cause instanceof NotConnected) {
    const code = connectTimeouts.has(codeOf(cause.cause)) ? 'upstream_timeout' : 'unavailable';
    return new AppError(code, 'The provider cannot be reached', { cause });
  }
  if (codeOf(cause) === 'UND_ERR_HEADERS_TIMEOUT') {
    return new AppError('upstream_timeout', 'The provider did not answer in time', { cause, sideEffectPossible: true });
  }
  return unusable('The provider closed the connection without an answer', cause);
}

export function brokenOff(cause: unknown): AppError {
  return unusable('The provider broke off its answer', cause);
}

/** The vendor has worked, and perhaps charged, for an answer that cannot be used. */
export function unusable(detail: string, cause?: unknown): AppError {
  return new AppError('upstream_failed', detail, { cause, sideEffectPossible: true });
}

/** Why the caller of the vendor gave up, where it did; anything else is the vendor's doing. */
export function abortReason(signal: AbortSignal): AppError | undefined {
  if (!signal.aborted) return undefined;
  const reason: unknown = signal.reason;
  if (reason instanceof AppError) return reason;
  return new AppError('request_timeout', 'The call was given up', { cause: reason });
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}
