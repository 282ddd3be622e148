import { describe, expect, it } from 'vitest';
import { AppError } from '#shared/http/error.ts';
import { createProviderHealthBook, overallStatus } from './provider-health.ts';

const at = '2026-01-02T03:04:05.000Z';
const book = () => createProviderHealthBook(() => new Date(at));

describe('a provider’s health', () => {
  it('is unknown, without numbers, before the first request', () => {
    expect(book().of('a')).toMatchObject({ status: 'unknown', requests: 0, responseTimeMs: null, lastSuccessAt: null });
    expect(book().responseTimeOf('a', 'm')).toBeNull();
  });

  it('is measured from what really happened', () => {
    const health = book();
    for (const time of [30, 10, 20.04]) health.succeeded('a', 'm', time);
    expect(health.of('a')).toMatchObject({
      status: 'healthy',
      requests: 3,
      failures: 0,
      responseTimeMs: 20,
      lastSuccessAt: at,
    });
    expect(health.responseTimeOf('a', 'm')).toBe(20);
    expect(health.responseTimeOf('a', 'other')).toBeNull();
    expect(health.of('b').status).toBe('unknown');
  });

  it('gets worse with failures in a row and recovers with a success', () => {
    const health = book();
    health.failed('a', new AppError('unavailable', 'down'));
    expect(health.of('a')).toMatchObject({ status: 'degraded', lastFailureCode: 'unavailable', lastFailureAt: at });
    health.failed('a', new Error('what'));
    health.failed('a', new AppError('upstream_timeout', 'slow'));
    expect(health.of('a')).toMatchObject({ status: 'unhealthy', failures: 3, consecutiveFailures: 3 });
    health.succeeded('a', 'm', 1);
    expect(health.of('a')).toMatchObject({ status: 'healthy', failures: 3, consecutiveFailures: 0 });
  });

  it('is not touched by the caller’s own mistakes, nor by a client that leaves', () => {
    const health = book();
    health.failed('a', new AppError('invalid_request', 'bad'));
    health.cancelled('a');
    expect(health.of('a')).toMatchObject({ status: 'unknown', requests: 0, failures: 0, cancelled: 1 });
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
