import { AppError } from '#shared/http/error.ts';
import type { Principal } from '#shared/identity/principal.ts';
import { authenticate } from '../auth/authenticate.ts';
import { hasEncodedSlash } from '../clean-request.ts';
import type { Deps } from '../deps.ts';
import type { EdgeRequest, Responder } from '../edge.ts';
import { forward } from '../upstreams/forward.ts';

const anonymous: Principal = { kind: 'anonymous' };

/** Everything that is not the gateway's own: find the backend, identify the caller, sign, send on. */
export function proxy(deps: Deps): Responder {
  const { config, upstreams, assertions, send } = deps;
  const firstByteMs = config.UPSTREAM_FIRST_BYTE_SECONDS * 1_000;
  return async (request) => {
    const upstream = upstreams.find(request.raw.method, request.path);
    if (!upstream) throw new AppError('not_found', 'There is nothing at this path');
    if (!upstream.encodedSlash && hasEncodedSlash(request.path)) {
      throw new AppError('invalid_request', 'The path has an encoded slash');
    }
    request.upstream = upstream.service;
    const principal = upstream.open ? anonymous : await identified(deps, request);
    const assertion = await assertions(principal, upstream.service);
    return await forward({ upstream, request, assertion, firstByteMs, send });
  };
}

async function identified({ keys }: Deps, request: EdgeRequest): Promise<Principal> {
  const startedAt = Date.now();
  const principal = await authenticate(request.raw.headers, keys);
  request.authMs = Date.now() - startedAt;
  if (principal.kind === 'user') {
    request.userId = principal.userId;
    request.keyId = principal.keyId ?? undefined;
  }
  return principal;
}
