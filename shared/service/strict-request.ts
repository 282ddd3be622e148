import type { MiddlewareHandler } from 'hono';
import { AppError } from '../http/error.ts';
import { headerNames } from '../http/headers.ts';
import type { ServiceEnv } from './service-env.ts';

const maxHeaders = 100;
const singletons = new Set(['host', 'authorization', 'content-type', 'content-length', headerNames.assertion]);

/**
 * Refuses what proxies and servers are known to read differently: a header of which there may be one sent twice,
 * a missing Host, and header floods. Node has already refused the framing attacks (two lengths, bad chunks).
 */
export function strictRequest(): MiddlewareHandler<ServiceEnv> {
  return async (c, next) => {
    const raw = c.env?.incoming?.rawHeaders;
    if (raw) checkRawHeaders(raw);
    await next();
  };
}

function checkRawHeaders(raw: readonly string[]): void {
  if (raw.length > maxHeaders * 2) {
    throw new AppError('headers_too_large', `A request may have at most ${maxHeaders} header fields`);
  }
  const seen = new Set<string>();
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (!singletons.has(name)) continue;
    if (seen.has(name)) throw new AppError('invalid_request', `The header ${name} may be sent only once`);
    seen.add(name);
  }
  if (!seen.has('host')) throw new AppError('invalid_request', 'The Host header is missing');
}
