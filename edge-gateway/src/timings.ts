import type { MiddlewareHandler } from 'hono';
import type { GatewayEnv } from './gateway-env.ts';

export type TimedPart = 'auth' | 'upstream';

/** Measures the parts of a request for `Server-Timing`. Workers' clocks only move with I/O: CPU time shows as 0. */
export type Timings = {
  measure: <T>(part: TimedPart, work: () => Promise<T>) => Promise<T>;
  header: () => string;
};

export function serverTiming(now: () => number = Date.now): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    const timings = createTimings(now);
    c.set('timings', timings);
    await next();
    c.header('server-timing', timings.header());
  };
}

function createTimings(now: () => number): Timings {
  const startedAt = now();
  const spent = new Map<TimedPart, number>();
  return {
    measure: async (part, work) => {
      const from = now();
      try {
        return await work();
      } finally {
        spent.set(part, (spent.get(part) ?? 0) + now() - from);
      }
    },
    header: () => {
      const parts = [...spent].map(([part, duration]) => `${part};dur=${duration}`);
      const elsewhere = [...spent.values()].reduce((sum, duration) => sum + duration, 0);
      return [`edge;dur=${Math.max(0, now() - startedAt - elsewhere)}`, ...parts].join(', ');
    },
  };
}
