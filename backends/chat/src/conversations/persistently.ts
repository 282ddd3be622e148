import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '#shared/http/error.ts';

const pausesMs = [100, 250, 500, 1_000, 2_000, 4_000, 8_000] as const;

/** Tries again while the database is away. For work that has the same outcome however often it is done. */
export async function persistently<T>(work: () => Promise<T>, pauses: readonly number[] = pausesMs): Promise<T> {
  for (const pause of pauses) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'unavailable') throw error;
    }
    await sleep(pause);
  }
  return await work();
}
