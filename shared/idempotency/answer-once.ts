import { randomUUID } from 'node:crypto';
import type { Context } from 'hono';
import { eventStreamSink } from '../service/direct-answer.ts';
import { userOf } from '../service/mount.ts';
import type { ServiceEnv } from '../service/service-env.ts';
import type { Answer } from './idempotency-store.ts';
import type { Claim, Idempotency } from './idempotency.ts';
import type { Run } from './run.ts';
import { recordedSink, type OnceSink } from './recorded-sink.ts';

export type OnceOptions = { idempotency: Idempotency; body: Uint8Array; signal: AbortSignal };

/**
 * What is kept of an answer, and how it is sent the first time. Other headers are of the moment (limits, ids, times) and
 * would be wrong in a repetition.
 */
export type FirstAnswer = Pick<Answer, 'status' | 'bytes'> & { contentType: string; respond: () => Response };

/**
 * Carries a request out once for each Idempotency-Key; without the header it costs nothing. What `work` throws is not
 * kept, so that it can be tried again: an error that came after a side effect has to be returned. The signal of
 * the run ends it when the client left, or when another process took over.
 */
export async function answerOnce(
  c: Context<ServiceEnv>,
  { idempotency, body, signal }: OnceOptions,
  work: (run: Run) => Promise<FirstAnswer>,
): Promise<Response> {
  const claim = await claimOf(c, { idempotency, body, signal });
  if (!claim) return (await work(onlyRun(signal))).respond();
  if (claim.kind === 'replay') return replayed(claim.answer);
  const { attempt } = claim;
  try {
    const { respond, contentType, status, bytes } = await work(runFor(claim, signal));
    await attempt.finish({ status, headers: { 'content-type': contentType }, bytes });
    return respond();
  } catch (error) {
    await attempt.release();
    throw error;
  }
}

/**
 * The same for streams: `work` writes to the sink and says there how the stream ends. It resolves when the answer has
 * begun, and rejects where it never did.
 */
export async function streamOnce(
  c: Context<ServiceEnv>,
  { idempotency, body, signal }: OnceOptions,
  work: (sink: OnceSink, run: Run) => Promise<void>,
): Promise<Response> {
  const claim = await claimOf(c, { idempotency, body, signal });
  if (claim?.kind === 'replay') return replayed(claim.answer);
  const sink = eventStreamSink(c);
  if (!claim) {
    await work(sink, onlyRun(signal));
    return sink.response();
  }
  const recorded = recordedSink(sink, claim.attempt, idempotency.recordings.start());
  try {
    await work(recorded, runFor(claim, signal));
    return recorded.response();
  } catch (error) {
    recorded.broken();
    throw error;
  }
}

async function claimOf(c: Context<ServiceEnv>, { idempotency, body, signal }: OnceOptions): Promise<Claim | undefined> {
  const key = c.req.header('idempotency-key');
  if (key === undefined) return undefined;
  const { userId } = userOf(c);
  const { pathname, search } = new URL(c.req.url);
  return await idempotency.claim({ userId, key, method: c.req.method, path: `${pathname}${search}`, body, signal });
}

function runFor({ id, earlier, attempt }: Extract<Claim, { kind: 'first' }>, clientLeft: AbortSignal): Run {
  return { id, earlier, signal: AbortSignal.any([clientLeft, attempt.signal]) };
}

function onlyRun(signal: AbortSignal): Run {
  return { id: randomUUID(), earlier: null, signal };
}

function replayed({ status, headers, bytes }: Answer): Response {
  const marked = { ...headers, 'content-length': String(bytes.length), 'idempotency-replayed': 'true' };
  return new Response(Uint8Array.from(bytes), { status, headers: marked });
}
