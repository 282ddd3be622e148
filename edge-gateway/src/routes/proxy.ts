import type { Handler } from 'hono';
import { AppError } from '#shared/http/error.ts';
import type { Deps } from '../deps.ts';
import { authenticate } from '../auth/authenticate.ts';
import { hasEncodedSlash } from '../clean-request.ts';
import type { GatewayEnv } from '../gateway-env.ts';
import { forward } from '../upstreams/forward.ts';

/** Everything that is not the gateway's own: find the backend, identify the caller, sign, send on. */
export function proxy({ config, upstreams, keys, assertions, send }: Deps): Handler<GatewayEnv> {
  const firstByteMs = config.UPSTREAM_FIRST_BYTE_SECONDS * 1_000;
  return async (c) => {
    const { pathname } = new URL(c.req.url);
    const upstream = upstreams.find(c.req.method, pathname);
    if (!upstream) throw new AppError('not_found', 'There is nothing at this path');
    if (hasEncodedSlash(pathname) && !upstream.encodedSlash) {
      throw new AppError('invalid_request', 'The path has an encoded slash');
    }
    const timings = c.get('timings');
    const request = c.req.raw;
    const principal = upstream.open
      ? ({ kind: 'anonymous' } as const)
      : await timings.measure('auth', () => authenticate(request.headers, keys));
    const assertion = await assertions(principal, upstream.service);
    return await timings.measure('upstream', () =>
      forward({ upstream, request, requestId: c.get('requestId'), assertion, firstByteMs, send }),
    );
  };
}
