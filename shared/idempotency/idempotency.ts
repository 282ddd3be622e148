import { randomUUID } from 'node:crypto';
import type { Notices } from '../db/notices.ts';
import { AppError } from '../http/error.ts';
import type { Logger } from '../log.ts';
import { createAttempt, type Attempt } from './attempt.ts';
import { createEnds, type Ends } from './ends.ts';
import type { Answer, IdempotencyStore, Standing } from './idempotency-store.ts';
import { invalidKey, requestHashOf, slotOf, type IdempotentRequest, type Slot } from './idempotent-request.ts';
import { createLeases, type Leases } from './leases.ts';
import { runOf, type Run } from './run.ts';
import { createRecordings, type Recordings } from './recordings.ts';

export type Claim =
  /** The caller runs the request, and must finish or release it. */
  ({ kind: 'first'; attempt: Attempt } & Pick<Run, 'id' | 'earlier'>) | { kind: 'replay'; answer: Answer };

export type Idempotency = {
  /** Waits while somebody else runs the same request. Rejects rather than let a request run unprotected. */
  claim: (request: IdempotentRequest) => Promise<Claim>;
  /** Room for the bytes of streams, which all of them share. */
  recordings: Recordings;
  /** Gives up what is held, after the last request. */
  close: () => Promise<void>;
};

export type IdempotencyOptions = {
  store: IdempotencyStore;
  notices: Notices;
  log: Logger;
  /** How long a duplicate waits: as long as a call may take. */
  waitMs: number;
  heartbeatMs?: number;
  pollMs?: number;
  /** A larger answer is not kept: duplicates are told so and nothing runs twice. */
  maxAnswerBytes?: number;
};

const mebibyte = 1024 * 1024;
const sweepMs = 60_000;
const sweepRows = 500;

/** One side effect and one answer for however many sendings of a request that carry the same key. */
export function createIdempotency(options: IdempotencyOptions): Idempotency {
  const { store, notices, log, waitMs, heartbeatMs = 5_000, pollMs = 1_000 } = options;
  const { maxAnswerBytes = 16 * mebibyte } = options;
  const leases = createLeases({ store, log, heartbeatMs, maxHeldMs: waitMs + 60_000 });
  const ends = createEnds({ store, notices, pollMs });
  const sweeping = startSweep(store, log);
  const parts = { store, leases, ends, log, maxAnswerBytes };
  return {
    claim: async (request) => await claim(parts, request, waitMs),
    recordings: createRecordings({ maxBytes: maxAnswerBytes, maxTotalBytes: 16 * maxAnswerBytes }),
    close: async () => {
      clearInterval(sweeping);
      leases.stop();
      await ends.stop();
    },
  };
}

type Parts = { store: IdempotencyStore; leases: Leases; ends: Ends; log: Logger; maxAnswerBytes: number };

async function claim(parts: Parts, request: IdempotentRequest, waitMs: number): Promise<Claim> {
  const slot = slotOf(request);
  const requestHash = requestHashOf(request);
  const until = performance.now() + waitMs;
  for (;;) {
    const lease = { ...slot, owner: randomUUID() };
    const taken = await parts.store.claim(lease, requestHash);
    if (taken) return { kind: 'first', attempt: createAttempt(parts, lease), ...runOf(taken) };
    const answer = await outcomeOf(parts, slot, { requestHash, signal: request.signal, until });
    if (answer) return { kind: 'replay', answer };
  }
}

type Waiting = { requestHash: string; signal: AbortSignal; until: number };

/** Undefined: nobody runs the request any more, and there is nothing to replay. */
async function outcomeOf(parts: Parts, slot: Slot, waiting: Waiting): Promise<Answer | undefined> {
  const now = await parts.store.find(slot);
  requireSame(now, waiting.requestHash);
  const isOver = now.kind !== 'running' || now.isAbandoned;
  const standing = isOver ? now : await endOf(parts.ends, slot, waiting);
  requireSame(standing, waiting.requestHash);
  if (standing.kind !== 'done') return undefined;
  if (standing.answer) return standing.answer;
  throw new AppError('conflict', 'This request was carried out before, and its answer was too large to keep', {
    sideEffectPossible: true, // Nor will it ever be there: SDKs need not try again.
  });
}

async function endOf(ends: Ends, slot: Slot, { signal, until }: Waiting): Promise<Standing> {
  const tooLong = new AbortController();
  const timer = setTimeout(() => tooLong.abort(), until - performance.now());
  try {
    return await ends.of(slot, AbortSignal.any([signal, tooLong.signal]));
  } catch (cause) {
    if (signal.aborted) {
      throw new AppError('request_timeout', 'The client left while a request with the same key was running', { cause });
    }
    if (!tooLong.signal.aborted) throw cause;
    throw new AppError('conflict', 'A request with this Idempotency-Key is still running', { retryAfterSeconds: 5 });
  } finally {
    clearTimeout(timer);
  }
}

function requireSame(standing: Standing, requestHash: string): void {
  if (standing.kind === 'free' || standing.requestHash === requestHash) return;
  throw invalidKey('was used for another request before');
}

/** Every process cleans up, a few rows at a time; none waits for another. */
function startSweep(store: IdempotencyStore, log: Logger): NodeJS.Timeout {
  const sweep = async (): Promise<void> => {
    for (let round = 0; round < 20; round += 1) if ((await store.sweep(sweepRows)) < sweepRows) return;
  };
  return setInterval(() => {
    sweep().catch((error: unknown) => log.warn('cannot remove expired idempotency keys', { error }));
  }, sweepMs).unref();
}
