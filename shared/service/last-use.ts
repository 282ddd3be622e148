import type { KeyUses } from '../db/key-uses.ts';
import type { Logger } from '../log.ts';

export type LastUse = {
  /** Costs the request nothing but an entry in a map. */
  mark: (keyId: string, at: Date) => void;
  /** Writes what was marked. What could not be written is tried again next time. */
  flush: () => Promise<void>;
  /** Writes for the last time. */
  stop: () => Promise<void>;
};

export type LastUseOptions = {
  save: (uses: KeyUses) => Promise<void>;
  log: Logger;
  everyMs?: number;
  /** More keys than this between two writes are forgotten: the column is for people, not for billing. */
  maxKeys?: number;
};

/** Remembers in memory which keys were used and writes that in batches. A crash loses at most one batch. */
export function createLastUse({ save, log, everyMs = 10_000, maxKeys = 50_000 }: LastUseOptions): LastUse {
  let pending = new Map<string, Date>();
  let writing: Promise<void> | undefined;

  const mark = (keyId: string, at: Date): void => {
    if (pending.size < maxKeys || pending.has(keyId)) pending.set(keyId, at);
  };
  const write = async (): Promise<void> => {
    const batch = pending;
    pending = new Map();
    try {
      await save(batch);
    } catch (error) {
      log.warn('the last use of keys could not be written', { error, count: batch.size });
      for (const [keyId, at] of batch) if (!pending.has(keyId)) mark(keyId, at);
    }
  };
  const flush = async (): Promise<void> => {
    if (writing) return await writing;
    if (pending.size === 0) return;
    writing = write().finally(() => (writing = undefined));
    await writing;
  };
  const timer = setInterval(() => void flush(), everyMs).unref();
  return {
    mark,
    flush,
    stop: async () => {
      clearInterval(timer);
      await writing;
      await flush();
    },
  };
}
