import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../log.ts';
import type { Answer, IdempotencyStore, Lease } from './idempotency-store.ts';
import type { Leases } from './leases.ts';

/** The one running of a request. Of `finish` and `release`, the first that is called counts. */
export type Attempt = {
  /** Aborts when this attempt was taken for dead and another has begun: whatever it does should end. */
  signal: AbortSignal;
  /**
   * Keeps an answer for all duplicates; null bytes where it is too large for that. An answer that asks to be tried
   * again (429, 5xx) is not kept. Resolves when that is committed, or cannot be for now and is tried in the background.
   */
  finish: (answer: Omit<Answer, 'bytes'> & { bytes: Uint8Array | null }) => Promise<void>;
  /** Keeps nothing; the next duplicate runs anew. */
  release: () => Promise<void>;
};

export type AttemptParts = {
  store: Pick<IdempotencyStore, 'finish' | 'release'>;
  leases: Leases;
  log: Logger;
  maxAnswerBytes: number;
  retryMs?: readonly number[];
};

/** About two minutes, after which a duplicate may run the request again. */
const standardRetryMs = [250, 500, 1_000, 2_000, ...Array<number>(23).fill(5_000)];

export function createAttempt(parts: AttemptParts, lease: Lease): Attempt {
  const { store, leases, log, maxAnswerBytes } = parts;
  let isSettled = false;
  const settle = async (change: () => Promise<void>): Promise<void> => {
    if (isSettled) return;
    isSettled = true;
    await change();
  };
  const release = async (): Promise<void> => {
    leases.drop(lease);
    // Where this fails, the lease runs out by itself.
    await store.release(lease).catch((error: unknown) => log.warn('cannot release an idempotency key', { error }));
  };
  const save = async (answer: Parameters<Attempt['finish']>[0]): Promise<void> => {
    const isKept = answer.bytes !== null && answer.bytes.length <= maxAnswerBytes;
    const isOurs = await store.finish(lease, isKept ? answer : { ...answer, bytes: null });
    leases.drop(lease);
    if (!isOurs) log.warn('an idempotent request was run twice', { user_id: lease.userId });
  };
  return {
    signal: leases.hold(lease),
    release: async () => await settle(release),
    finish: async (answer) =>
      await settle(async () => {
        if (answer.status === 429 || answer.status >= 500) return await release();
        await save(answer).catch((error: unknown) => {
          log.warn('cannot keep the answer to an idempotent request yet', { error });
          void saveLater(parts, () => save(answer)).finally(() => leases.drop(lease));
        });
        return undefined;
      }),
  };
}

/** The request was carried out: as long as its lease can be kept, no duplicate may run it again. */
async function saveLater({ log, retryMs = standardRetryMs }: AttemptParts, save: () => Promise<void>): Promise<void> {
  for (const ms of retryMs) {
    await sleep(ms, undefined, { ref: false });
    const error: unknown = await save().then(
      () => undefined,
      (error: unknown) => error,
    );
    if (error === undefined) return;
  }
  log.error('the answer to an idempotent request was lost');
}
