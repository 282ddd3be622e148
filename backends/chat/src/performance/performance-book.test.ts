import { describe, expect, it } from 'vitest';
import { ringSize } from './call-ring.ts';
import type { MeasuredCall } from './measured-call.ts';
import { createPerformanceBook, windowMs, type PerformanceBook } from './performance-book.ts';

const minute = 60_000;
let time = 0;

function book(): PerformanceBook {
  time = 1_000_000_000_000;
  return createPerformanceBook(() => time);
}

function call(change: Partial<MeasuredCall> = {}): MeasuredCall {
  const same = { provider: 'a', model: 'm', outcome: 'completed', errorCode: null } as const;
  return { ...same, firstByteMs: 10, totalMs: 100, ...change };
}

describe('what was measured', () => {
  it('is null before the first call, and says no number that nobody measured', () => {
    expect(book().measured()).toEqual({
      calls: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
      errorRate: null,
      firstByte: null,
      total: null,
      stages: {
        admission: null,
        persona: null,
        conversation: null,
        provider_first_byte: null,
        provider_total: null,
      },
    });
    expect(book().latencyOf('a', 'm')).toBeNull();
  });

  it('is spread as the calls were', () => {
    const measured = book();
    for (let ms = 1; ms <= 100; ms++) measured.record(call({ firstByteMs: ms, totalMs: ms * 10 }));
    expect(measured.measured()).toMatchObject({
      calls: 100,
      firstByte: { count: 100, p50: 50, p95: 95, p99: 99, max: 100 },
      total: { count: 100, p50: 500, p95: 950, p99: 990, max: 1_000 },
    });
  });

  it('has each stage that a call went through, and only those', () => {
    const measured = book();
    measured.record(call({ stages: { admission: 1.25, provider_first_byte: 9 } }));
    measured.record(call({ stages: { admission: 3 } }));
    const { stages } = measured.measured();
    expect(stages.admission).toMatchObject({ count: 2, p50: 1.3, max: 3 });
    expect(stages.provider_first_byte).toMatchObject({ count: 1, p50: 9 });
    expect(stages.persona).toBeNull();
  });

  it('counts failures among the calls that ended by themselves, and the caller’s own mistakes not at all', () => {
    const measured = book();
    for (let i = 0; i < 3; i++) measured.record(call());
    measured.record(call({ outcome: 'failed', errorCode: 'upstream_timeout', firstByteMs: null }));
    measured.record(call({ outcome: 'failed', errorCode: 'validation_failed', firstByteMs: null }));
    for (let i = 0; i < 6; i++) measured.record(call({ outcome: 'cancelled' }));
    expect(measured.measured()).toMatchObject({ calls: 10, completed: 3, failed: 1, cancelled: 6, errorRate: 0.25 });
  });

  it('keeps models and providers apart', () => {
    const measured = book();
    measured.record(call({ firstByteMs: 10 }));
    measured.record(call({ provider: 'b', firstByteMs: 20 }));
    measured.record(call({ model: 'n', firstByteMs: 30 }));
    expect(measured.latencyOf('a', 'm')).toEqual({ firstByteMs: 10, calls: 1, isStreamed: true });
    expect(measured.latencyOf('b', 'm')).toEqual({ firstByteMs: 20, calls: 1, isStreamed: true });
    expect(measured.latencyOf('b', 'n')).toBeNull();
    expect(measured.measured(({ provider }) => provider === 'a').calls).toBe(2);
  });

  it('forgets what is older than the window, but still chooses by it for a day', () => {
    const measured = book();
    measured.record(call());
    time += windowMs + 1;
    expect(measured.measured().calls).toBe(0);
    expect(measured.latencyOf('a', 'm')).toEqual({ firstByteMs: 10, calls: 1, isStreamed: true });
    time += 24 * 60 * minute;
    expect(measured.latencyOf('a', 'm')).toBeNull();
  });

  it('has the latency of the last answers, not of failures and not of all that ever was', () => {
    const measured = book();
    for (let i = 0; i < 60; i++) measured.record(call({ firstByteMs: 1_000 }));
    for (let i = 0; i < 50; i++) measured.record(call({ firstByteMs: 20 }));
    for (let i = 0; i < 50; i++) measured.record(call({ outcome: 'failed', firstByteMs: 1 }));
    expect(measured.latencyOf('a', 'm')).toEqual({ firstByteMs: 20, calls: 50, isStreamed: true });
  });

  it('never takes the time of a whole answer for that until a first byte, and falls back to it only without streams', () => {
    const measured = book();
    measured.record(call({ firstByteMs: null, totalMs: 9_000 }));
    expect(measured.latencyOf('a', 'm')).toEqual({ firstByteMs: 9_000, calls: 1, isStreamed: false });
    expect(measured.measured()).toMatchObject({ firstByte: null, total: { p50: 9_000 } });
    measured.record(call({ firstByteMs: 20, totalMs: 8_000 }));
    expect(measured.latencyOf('a', 'm')).toEqual({ firstByteMs: 20, calls: 1, isStreamed: true });
  });

  it('ends with a reset', () => {
    const measured = book();
    measured.record(call());
    measured.reset();
    expect(measured.models()).toEqual([]);
    expect(measured.measured().calls).toBe(0);
  });
});

describe('memory', () => {
  it('keeps the last calls of a model and no more', () => {
    const measured = book();
    for (let i = 0; i < ringSize * 3; i++) measured.record(call({ firstByteMs: i }));
    expect(measured.measured()).toMatchObject({
      calls: ringSize,
      firstByte: { count: ringSize, max: ringSize * 3 - 1 },
    });
  });

  it('is bounded whatever names callers think of, and the models in use stay', () => {
    const measured = book();
    for (let i = 0; i < 5_000; i++) {
      time += 1;
      measured.record(call({ provider: `p${i % 7}`, model: `name-${i}` }));
      measured.record(call());
    }
    expect(measured.models()).toHaveLength(128);
    expect(measured.latencyOf('a', 'm')).not.toBeNull();
    expect(measured.latencyOf('p0', 'name-0')).toBeNull();
  });

  it('is not taken by names that only ever failed for the caller’s own fault', () => {
    const measured = book();
    measured.record(call({ model: 'no-such-model', outcome: 'failed', errorCode: 'not_found' }));
    expect(measured.models()).toEqual([]);
  });
});
