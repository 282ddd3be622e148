import { AppError } from '#shared/http/error.ts';
import type { Principal } from '#shared/identity/principal.ts';
import { authenticate, type Caller } from '../auth/authenticate.ts';
import { credentialsOf } from '../auth/credentials.ts';
import { hasEncodedSlash } from '../clean-request.ts';
import type { Deps } from '../deps.ts';
import type { EdgeAnswer, EdgeRequest, Responder } from '../edge.ts';
import { limitBody } from '../limits/body-limit.ts';
import { createForward } from '../upstreams/forward.ts';
import { refuseOwnRequest } from '../upstreams/own-hop.ts';
import { credentialHeaders } from '../upstreams/web-socket.ts';
import { ownMethods, ownPaths } from './own-paths.ts';

const anonymous: Principal = { kind: 'anonymous' };

/** Everything that is not the gateway's own: find the backend, identify the caller, sign, send on. */
export function proxy(deps: Deps): Responder {
  const { config, upstreams, assertions, send } = deps;
  const forward = createForward({
    send,
    firstByteSeconds: config.UPSTREAM_FIRST_BYTE_SECONDS,
  });
  return (request) => {
    const upstream = upstreams.find(request.method, request.path);
    if (!upstream) throw nothingAt(request.path);
    if (!upstream.encodedSlash && hasEncodedSlash(request.path)) {
      throw new AppError('invalid_request', 'The path has an encoded slash');
    }
    const headers = credentialHeaders(request);
    if (upstream.open) requireHarmless(headers);
    request.upstream = upstream.service;
    const sendOn = (principal: Principal): Promise<EdgeAnswer> => {
      const body = limitBody(request.headers, bodyOf(request), upstream.maxBodyBytes);
      const made = assertions(principal, upstream.service);
      if (typeof made === 'string') return forward({ upstream, request, body, assertion: made });
      return made.then((assertion) => forward({ upstream, request, body, assertion }));
    };
    const found = upstream.open ? anonymous : identified(deps, request, headers);
    // Each promise costs as much as many lines, so there is none where nothing has to be waited for.
    return 'kind' in found ? sendOn(found) : found.then(sendOn);
  };
}

/** Who needs no credential is still told of two that cannot both be meant. */
function requireHarmless(headers: EdgeRequest['headers']): void {
  refuseOwnRequest(headers);
  credentialsOf(headers);
}

/** A body of GET or HEAD means nothing (RFC 9110, 9.3.1) and `fetch` sends none. Dropping it would be a lie. */
function bodyOf({ method, headers, raw: { body } }: EdgeRequest): Request['body'] {
  if (body === null || (method !== 'GET' && method !== 'HEAD')) return body;
  if (headers.get('content-length') === '0') return null;
  throw new AppError('invalid_request', `A ${method} request may not have a body`);
}

/** GET and HEAD of the gateway's own paths never come here. */
function nothingAt(path: string): AppError {
  if (!ownPaths.has(path)) return new AppError('not_found', 'There is nothing at this path');
  return new AppError('method_not_allowed', 'This path can only be read', { headers: { allow: ownMethods } });
}

/** Not a promise where there is nothing to wait for. */
function identified(deps: Deps, request: EdgeRequest, headers: EdgeRequest['headers']): Principal | Promise<Principal> {
  const found = authenticate(headers, deps.identities, request.waitUntil);
  return 'principal' in found ? admitted(deps, request, found) : awaited(deps, request, found);
}

async function awaited(deps: Deps, request: EdgeRequest, finding: Promise<Caller>): Promise<Principal> {
  const startedAt = Date.now();
  const caller = await finding;
  request.authMs = Date.now() - startedAt;
  return await admitted(deps, request, caller);
}

/** Holds a caller to what its credential may do: from where, and how often. */
function admitted({ limits }: Deps, request: EdgeRequest, caller: Caller): Principal | Promise<Principal> {
  request.userId = caller.principal.userId;
  request.keyId = caller.principal.keyId ?? undefined;
  limits.checkRestrictions(request, caller.restrictions);
  const counted = limits.byKey(request, caller.principal);
  return counted ? counted.then(() => caller.principal) : caller.principal;
}
