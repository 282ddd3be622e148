import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import { measuredAttempt } from '../performance/measured-call.ts';
import { createProviderHealthBook, overallStatus, type ProviderHealthBook } from './provider-health.ts';

const at = '2026-01-02T03:04:05.000Z';
const book = () => createProviderHealthBook(() => Date.parse(at));

function succeed(health: ProviderHealthBook, model: string, firstByteMs: number): void {
  const seen = { provider: 'a', model, outcome: 'completed', error: undefined } as const;
  health.record(measuredAttempt({ ...seen, firstByteMs, totalMs: firstByteMs }));
}

function fail(health: ProviderHealthBook, error: unknown): void {
  const seen = { provider: 'a', model: 'm', outcome: 'failed' } as const;
  health.record(measuredAttempt({ ...seen, error, firstByteMs: null, totalMs: 1 }));
}

describe('a provider’s health', () => {
  it('is unknown, without numbers, before the first request', () => {
    expect(book().of('a')).toMatchObject({ status: 'unknown', requests: 0, responseTimeMs: null, lastSuccessAt: null });
  });

  it('is measured from what really happened', () => {
    const health = book();
    for (const time of [30, 10, 20.04]) succeed(health, 'm', time);
    expect(health.of('a')).toMatchObject({
      status: 'healthy',
      requests: 3,
      failures: 0,
      responseTimeMs: 20,
      lastSuccessAt: at,
    });
    expect(health.latencyOf('a', 'm')?.firstByteMs).toBe(20);
    expect(health.latencyOf('a', 'other')).toBeNull();
    expect(health.of('b').status).toBe('unknown');
  });

  it('gets worse with failures in a row and recovers with a success', () => {
    const health = book();
    fail(health, new AppError('unavailable', 'down'));
    expect(health.of('a')).toMatchObject({ status: 'degraded', lastFailureCode: 'unavailable', lastFailureAt: at });
    fail(health, new Error('what'));
    fail(health, new AppError('upstream_timeout', 'slow'));
    expect(health.of('a')).toMatchObject({ status: 'unhealthy', failures: 3, consecutiveFailures: 3 });
    succeed(health, 'm', 1);
    expect(health.of('a')).toMatchObject({ status: 'healthy', failures: 3, consecutiveFailures: 0 });
  });

  it('is not touched by the caller’s own mistakes, nor by a client that leaves', () => {
    const health = book();
    fail(health, new AppError('invalid_request', 'bad'));
    const left = { provider: 'a', model: 'm', outcome: 'cancelled', errorCode: null } as const;
    health.record({ ...left, firstByteMs: null, totalMs: null });
    expect(health.of('a')).toMatchObject({ status: 'unknown', requests: 0, failures: 0, cancelled: 1 });
  });
});

describe('asking a provider', () => {
  let time = Date.parse(at);
  const asked = () => createProviderHealthBook(() => (time += 1_000));

  it('tells of one that nobody used yet', () => {
    const health = asked();
    health.checked('a', null);
    expect(health.of('a')).toMatchObject({ status: 'healthy', requests: 0, lastCheckCode: null });
    health.checked('a', 'unavailable');
    expect(health.of('a')).toMatchObject({ status: 'unhealthy', requests: 0, lastCheckCode: 'unavailable' });
    expect(health.of('a').lastCheckAt).toMatch(/^2026-01-02T/);
  });

  it('does not excuse requests that fail, and is old news after the next request', () => {
    const health = asked();
    for (let i = 0; i < 3; i++) fail(health, new AppError('unavailable', 'down'));
    health.checked('a', null);
    expect(health.of('a').status).toBe('degraded');
    health.checked('a', 'upstream_timeout');
    succeed(health, 'm', 1);
    expect(health.of('a').status).toBe('healthy');
  });
});

describe('a record of a call', () => {
  it('counts for the health of its provider and for its performance', () => {
    const health = book();
    const call = { provider: 'a', model: 'm', errorCode: null, firstByteMs: 5, totalMs: 9, stages: { admission: 1 } };
    health.record({ ...call, outcome: 'completed' });
    health.record({ ...call, outcome: 'failed', errorCode: 'rate_limited' });
    health.record({ ...call, outcome: 'failed', errorCode: 'validation_failed' });
    expect(health.of('a')).toMatchObject({ requests: 2, failures: 1, lastFailureCode: 'rate_limited' });
    expect(health.measured()).toMatchObject({ calls: 2, errorRate: 0.5, stages: { admission: { count: 2 } } });
    health.reset();
    expect(health.of('a')).toMatchObject({ status: 'unknown', requests: 0, responseTimeMs: null });
    expect(health.measured().calls).toBe(0);
  });
});

describe('the status of all providers', () => {
  it.each([
    [[], 'unknown'],
    [['unknown'], 'unknown'],
    [['healthy', 'unknown'], 'healthy'],
    [['healthy', 'unhealthy'], 'degraded'],
    [['degraded'], 'degraded'],
    [['unhealthy', 'unknown'], 'unhealthy'],
  ] as const)('of %j is %s', (statuses, expected) => {
    expect(overallStatus(statuses)).toBe(expected);
  });
});
