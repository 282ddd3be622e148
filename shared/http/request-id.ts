import type { MiddlewareHandler } from 'hono';
import { newId } from '../id.ts';
import { headerNames } from './headers.ts';

export type RequestIdVariables = { requestId: string };

const wellFormed = /^[A-Za-z0-9][A-Za-z0-9._-]{7,127}$/;

/** Keeps a well-formed `X-Request-Id` of the caller, else makes one. The other headers of an answer bring it along. */
export function requestId(): MiddlewareHandler<{ Variables: RequestIdVariables }> {
  return async (c, next) => {
    c.set('requestId', requestIdFrom(c.req.header(headerNames.requestId)));
    await next();
  };
}

export function requestIdFrom(offered: string | undefined | null): string {
  return offered && wellFormed.test(offered) ? offered : newId('req');
}
