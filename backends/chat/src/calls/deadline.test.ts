import { describe, expect, it, vi } from 'vitest';
import { createShares } from './deadline.ts';

describe('the time of a call', () => {
  it('is divided among those who may still be asked, and nobody’s share grows by being asked again', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      const endsAt = performance.now() + 900;
      const leftFor = createShares({ leftMs: () => endsAt - performance.now() }, ['a', 'b', 'c']);
      expect(leftFor('a')).toBe(300);
      vi.advanceTimersByTime(100);
      expect(leftFor('a')).toBe(200);
      expect(leftFor('b')).toBe(400);
      vi.advanceTimersByTime(500);
      expect([leftFor('a'), leftFor('b'), leftFor('c')]).toEqual([0, 0, 300]);
    } finally {
      vi.useRealTimers();
    }
  });
});
