import { AppError } from '#shared/http/error.ts';
import type { HeaderLookup } from '../header-lookup.ts';

export type LimitedBody = {
  stream: ReadableStream | null;
  /** Fires when the request must not be completed with what was sent on so far. Null: it will not. */
  cut: AbortSignal | null;
  /** Set once a body of undeclared length went over the limit; whatever failed then, failed for this. */
  tooLarge: () => AppError | null;
};

/**
 * Holds a body to its route's limit. A declared length decides before anything is sent on, and the body passes as it
 * is; the platform's parser ends a body at its declared length. Only a chunked body is counted, which costs a pass
 * through our own code, and the request it belongs to is cut where it goes over.
 */
export function limitBody(headers: HeaderLookup, body: Request['body'], maxBytes: number): LimitedBody {
  const declared = headers.get('content-length') ?? null;
  if (declared !== null && !isAtMost(maxBytes, declared)) throw payloadTooLarge(maxBytes);
  if (body === null || declared !== null) return { stream: body, cut: null, tooLarge: () => null };
  return countedBody(body, maxBytes);
}

/** Digits only, as the parser before us reads it: what it would not take is never a short body. */
function isAtMost(maxBytes: number, declared: string): boolean {
  return /^\d+$/.test(declared) && Number(declared) <= maxBytes;
}

/**
 * workerd ends a request properly when the stream of its body fails, and the backend would take a part for the whole.
 * So this stream never fails: it stops where it is, and the signal closes the connection instead.
 */
function countedBody(body: ReadableStream<unknown>, maxBytes: number): LimitedBody {
  const reader = body.getReader();
  const cut = new AbortController();
  let received = 0;
  let error: AppError | null = null;
  const stop = async (reason?: AppError): Promise<never> => {
    error = reason ?? null;
    cut.abort(reason);
    reader.cancel(reason).catch(() => undefined);
    return await new Promise(() => undefined);
  };
  const stream = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      const read = await reader.read().catch(() => null);
      if (read?.done) return controller.close();
      if (!(read?.value instanceof Uint8Array)) return await stop();
      received += read.value.byteLength;
      if (received > maxBytes) return await stop(payloadTooLarge(maxBytes));
      return controller.enqueue(read.value);
    },
    cancel: async (reason) => await reader.cancel(reason),
  });
  return { stream, cut: cut.signal, tooLarge: () => error };
}

function payloadTooLarge(maxBytes: number): AppError {
  return new AppError('payload_too_large', `The body may have at most ${maxBytes} bytes`);
}
