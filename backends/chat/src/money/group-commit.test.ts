import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import { createGroupCommit } from './group-commit.ts';

/** A batch function whose batches end when the test says so. */
function stepped() {
  const batches: { items: readonly number[]; finish: () => void; fail: (error: Error) => void }[] = [];
  let arrived = Promise.withResolvers<void>();
  return {
    batches,
    next: async (count: number) => {
      while (batches.length < count) {
        arrived = Promise.withResolvers();
        await arrived.promise;
      }
    },
    run: async (items: readonly number[]) => {
      const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
      batches.push({ items, finish: () => resolve(items.map(String)), fail: reject });
      arrived.resolve();
      return await promise;
    },
  };
}

describe('a group commit', () => {
  it('runs one batch at a time, and what came meanwhile is the next, of at most so many', async () => {
    const { batches, next, run } = stepped();
    const group = createGroupCommit({ run, maxBatch: 3 });
    const first = group.submit(1);
    await next(1);
    const others = [2, 3, 4, 5].map(async (item) => await group.submit(item));
    expect(batches.map(({ items }) => items)).toEqual([[1]]);
    batches[0]?.finish();
    expect(await first).toBe('1');
    await next(2);
    batches[1]?.finish();
    await next(3);
    batches[2]?.finish();
    expect(await Promise.all(others)).toEqual(['2', '3', '4', '5']);
    expect(batches.map(({ items }) => items)).toEqual([[1], [2, 3, 4], [5]]);
    expect(group.pending()).toBe(0);
  });

  it('refuses what it has no room for, and takes more when there is room again', async () => {
    const { batches, next, run } = stepped();
    const group = createGroupCommit({ run, maxBatch: 3, maxPending: 2 });
    const taken = [1, 2].map(async (item) => await group.submit(item));
    await expect(group.submit(3)).rejects.toMatchObject({ code: 'unavailable' });
    await next(1);
    batches[0]?.finish();
    expect(await Promise.all(taken)).toEqual(['1', '2']);
    const later = group.submit(4);
    await next(2);
    batches[1]?.finish();
    expect(await later).toBe('4');
  });

  it('lets a bad item fail alone, and tries none again where the database is away', async () => {
    const ran: (readonly number[])[] = [];
    const group = createGroupCommit({
      maxBatch: 10,
      run: async (items: readonly number[]) => {
        ran.push(items);
        if (items.includes(13)) throw new Error('unlucky');
        if (items.includes(99)) throw new AppError('unavailable', 'away');
        return items.map(String);
      },
    });
    const results = await Promise.allSettled([1, 13, 2].map(async (item) => await group.submit(item)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(ran).toEqual([[1, 13, 2], [1], [13], [2]]);
    const away = await Promise.allSettled([1, 99].map(async (item) => await group.submit(item)));
    expect(away.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(ran.slice(4)).toEqual([[1, 99]]);
    expect(await group.submit(5)).toBe('5');
  });

  it('lets what nobody waits for gather, until something is urgent, the batch is full, or the pause is over', async () => {
    const { batches, next, run } = stepped();
    const paced = (pauseMs: number) =>
      createGroupCommit({ run, maxBatch: 3, pace: { pauseMs, isUrgent: (item) => item > 90 } });
    const submitted: Promise<string>[] = [];
    const during = async (group: ReturnType<typeof paced>, batch: number, ...items: number[]): Promise<void> => {
      await next(batch);
      submitted.push(...items.map(async (item) => await group.submit(item)));
      batches[batch - 1]?.finish();
      for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    };
    const patient = paced(3_600_000);
    submitted.push(patient.submit(1));
    await during(patient, 1, 2);
    expect(batches.map(({ items }) => items)).toEqual([[1]]);
    submitted.push(patient.submit(99));
    await during(patient, 2, 3);
    expect(batches.map(({ items }) => items)).toEqual([[1], [2, 99]]);
    submitted.push(patient.submit(4), patient.submit(5));
    await during(patient, 3, 98);
    await during(patient, 4);
    expect(batches.map(({ items }) => items)).toEqual([[1], [2, 99], [3, 4, 5], [98]]);
    const hasty = paced(1);
    submitted.push(hasty.submit(6));
    await during(hasty, 5, 7);
    await during(hasty, 6);
    expect(await Promise.all(submitted)).toEqual(['1', '2', '99', '3', '4', '5', '98', '6', '7']);
    submitted.push(patient.submit(8)); // So soon after the last batch it is held up, although it is alone.
    for (let turn = 0; turn < 5; turn += 1) await new Promise(setImmediate);
    expect(batches).toHaveLength(6);
    patient.hurry();
    await during(patient, 7, 9);
    await during(patient, 8);
    expect((await Promise.all(submitted)).slice(-2)).toEqual(['8', '9']);
  });
});
