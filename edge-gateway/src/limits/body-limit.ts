import { AppError } from '#shared/http/error.ts';

export type LimitedBody = {
  stream: ReadableStream | null;
  /** Set once a body of undeclared length went over the limit; whatever failed then, failed for this. */
  tooLarge: () => AppError | null;
};

/**
 * Holds a body to its route's limit. A declared length decides before anything is sent on, and the body passes as it
 * is; the platform's parser ends a body at its declared length. Only a chunked body is counted, which costs a pass
 * through our own code, and is cut where it goes over: the backend sees a broken request, never a shorter one.
 */
export function limitBody({ headers, body }: Request, maxBytes: number): LimitedBody {
  const declared = headers.get('content-length');
  if (body === null || declared !== null) {
    if (declared !== null && !isAtMost(maxBytes, declared)) throw payloadTooLarge(maxBytes);
    return { stream: body, tooLarge: () => null };
  }
  return countedBody(body, maxBytes);
}

/** Digits only, as the parser before us reads it: what it would not take is never a short body. */
function isAtMost(maxBytes: number, declared: string): boolean {
  return /^\d+$/.test(declared) && Number(declared) <= maxBytes;
}

function countedBody(body: ReadableStream, maxBytes: number): LimitedBody {
  let received = 0;
  let error: AppError | null = null;
  const counter = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      received += chunk.byteLength;
      if (received <= maxBytes) {
        controller.enqueue(chunk);
        return;
      }
      error = payloadTooLarge(maxBytes);
      controller.error(error);
    },
  });
  return { stream: body.pipeThrough(counter), tooLarge: () => error };
}

function payloadTooLarge(maxBytes: number): AppError {
  return new AppError('payload_too_large', `The body may have at most ${maxBytes} bytes`);
}
