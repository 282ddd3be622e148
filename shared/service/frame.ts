import type { MiddlewareHandler } from 'hono';
import { headerNames } from '../http/headers.ts';
import { problemResponse } from '../http/on-error.ts';
import { requestIdFrom } from '../http/request-id.ts';
import type { Logger } from '../log.ts';
import { addAnswerHeaders } from './answer-headers.ts';
import type { ServiceEnv } from './service-env.ts';
import { ambiguityOf } from './strict-request.ts';

/**
 * What surrounds every route: its id, the look for headers that could be read in two ways, the headers of its
 * answer, and one log line when that starts, with neither bodies nor query strings. One middleware instead of one for
 * each, because every layer of them is a few promises for every request.
 */
export function frame(log: Logger): MiddlewareHandler<ServiceEnv> {
  return async (c, next) => {
    const startedAt = performance.now();
    const requestId = requestIdFrom(c.req.header(headerNames.requestId));
    c.set('startedAt', startedAt);
    c.set('requestId', requestId);
    const refusal = ambiguityOf(c.env?.incoming?.rawHeaders);
    if (refusal) c.res = problemResponse(refusal, c);
    else await next();
    addAnswerHeaders(c);
    log.info('request', {
      request_id: requestId,
      method: c.req.method,
      path: c.req.path,
      status: c.res.status,
      duration_ms: Math.round((performance.now() - startedAt) * 10) / 10,
    });
  };
}
