import type { MiddlewareHandler } from 'hono';
import type { Logger } from '../log.ts';
import type { ServiceEnv } from './service-env.ts';

/** One line per request, when its answer starts. Neither bodies nor query strings are ever logged. */
export function accessLog(log: Logger): MiddlewareHandler<ServiceEnv> {
  return async (c, next) => {
    const startedAt = performance.now();
    c.set('startedAt', startedAt);
    await next();
    log.info('request', {
      request_id: c.get('requestId'),
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      duration_ms: Math.round((performance.now() - startedAt) * 10) / 10,
    });
  };
}
