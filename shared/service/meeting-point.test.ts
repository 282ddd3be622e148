import { setImmediate as endOfTurn } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { createMeetingPoint } from './meeting-point.ts';

it('lets others have their turn between requests that arrive in one moment, and keeps their order', async () => {
  const meet = createMeetingPoint(10);
  const begun: number[] = [];
  const begin = async (index: number): Promise<void> => {
    await meet();
    begun.push(index);
  };
  const all = Promise.all(Array.from({ length: 95 }, async (_, index) => await begin(index)));
  const perTurn: number[] = [];
  while (begun.length < 95) {
    const before = begun.length;
    await endOfTurn();
    perTurn.push(begun.length - before);
  }
  await all;
  expect(begun).toEqual(Array.from({ length: 95 }, (_, index) => index));
  expect(Math.max(...perTurn)).toBe(10);
  await begin(95);
  expect(begun).toHaveLength(96);
});

it('has those who came in one turn take each step together', async () => {
  const meet = createMeetingPoint();
  const steps: string[] = [];
  const walk = async (name: string): Promise<void> => {
    await meet();
    for (const step of [1, 2, 3]) {
      steps.push(`${name}${step}`);
      await Promise.resolve();
    }
  };
  const first = walk('a');
  await Promise.resolve();
  await Promise.all([first, walk('b')]);
  expect(steps).toEqual(['a1', 'b1', 'a2', 'b2', 'a3', 'b3']);
});
