import type { MiddlewareHandler } from 'hono';
import type { Logger } from '#shared/log.ts';
import type { GatewayEnv } from './gateway-env.ts';

/** One line per request, when its answer starts; no headers, no query string, no body. */
export function accessLog(log: Logger): MiddlewareHandler<GatewayEnv> {
  return async (c, next) => {
    const startedAt = Date.now();
    await next();
    log.info('request', {
      request_id: c.get('requestId'),
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      duration_ms: Date.now() - startedAt,
    });
  };
}
