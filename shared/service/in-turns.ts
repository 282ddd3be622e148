import type { MiddlewareHandler } from 'hono';
import type { ServiceEnv } from './service-env.ts';

/** Begins to cost some milliseconds of a turn. */
const requestsPerTurn = 16;

/**
 * Begins so many requests in one turn of the event loop; what comes beyond that waits for the next, in its order. A
 * thousand that arrive in one moment would otherwise be one turn, and stall streams, timers and everybody else meanwhile.
 */
export function inTurns(perTurn = requestsPerTurn): MiddlewareHandler<ServiceEnv> {
  const line: (() => void)[] = [];
  let begun = 0;

  const nextTurn = (): void => {
    begun = Math.min(line.length, perTurn);
    for (const begin of line.splice(0, perTurn)) begin();
    if (begun > 0) setImmediate(nextTurn);
  };
  return async (_c, next) => {
    if (begun === 0) setImmediate(nextTurn);
    if (begun < perTurn) begun += 1;
    else await new Promise<void>((resolve) => void line.push(resolve));
    await next();
  };
}
