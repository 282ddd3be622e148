import { PassThrough, type Writable } from 'node:stream';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Context } from 'hono';
import { answerHeaders } from './answer-headers.ts';
import type { ServiceEnv } from './service-env.ts';

/**
 * A streamed answer that skips web streams, which cost several times as much per chunk. On a real server `writable`
 * is the client's own response; in process it is a pipe with the same behaviour (back-pressure, `close`, errors).
 */
export type AnswerSink = {
  writable: Writable;
  /** Sends the status and the headers. Until then the request can still be answered with an error. */
  open: () => void;
  /** Adds headers to those that `open` sends. */
  setHeaders: (headers: Record<string, string>) => void;
  /** What the handler returns once the sink is open. */
  response: () => Response;
};

export function eventStreamSink(c: Context<ServiceEnv>): AnswerSink {
  const headers: Record<string, string> = {
    'content-type': 'text/event-stream',
    'x-accel-buffering': 'no',
  };
  const setHeaders: AnswerSink['setHeaders'] = (more) => void Object.assign(headers, more);
  const outgoing = c.env?.outgoing;
  if (outgoing) {
    return {
      writable: outgoing,
      setHeaders,
      open: () => void outgoing.writeHead(200, answerHeaders(c, headers)),
      response: () => RESPONSE_ALREADY_SENT,
    };
  }
  const pipe = new PassThrough();
  return {
    writable: pipe,
    setHeaders,
    open: () => undefined,
    response: () => new Response(webStream(pipe), { status: 200, headers: answerHeaders(c, headers) }),
  };
}

/** Unlike `Readable.toWeb`, survives a reader that cancels while a chunk is on its way. */
function webStream(pipe: PassThrough): ReadableStream<Uint8Array> {
  const chunks: AsyncIterator<Uint8Array> = pipe[Symbol.asyncIterator]();
  return new ReadableStream({
    pull: async (controller) => {
      const next = await chunks.next();
      if (next.done) controller.close();
      else controller.enqueue(next.value);
    },
    cancel: () => void pipe.destroy(),
  });
}

const noHeaders: Record<string, string> = {};

/** A finished 200 answer from bytes that are passed on as they are. */
export function sendBytes(c: Context<ServiceEnv>, bytes: Uint8Array, contentType: string, more = noHeaders): Response {
  const outgoing = c.env?.outgoing;
  const own = { ...more, 'content-type': contentType, 'content-length': String(bytes.length) };
  const headers = answerHeaders(c, own);
  if (!outgoing) return new Response(Uint8Array.from(bytes), { status: 200, headers });
  outgoing.writeHead(200, headers).end(bytes);
  return RESPONSE_ALREADY_SENT;
}

/** Aborts when the client goes away before its answer is complete. */
export function clientLeft(c: Context<ServiceEnv>): AbortSignal {
  const outgoing = c.env?.outgoing;
  if (!outgoing) return c.req.raw.signal;
  const controller = new AbortController();
  outgoing.once('close', () => {
    if (!outgoing.writableFinished) controller.abort();
  });
  return controller.signal;
}
