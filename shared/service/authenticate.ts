import type { MiddlewareHandler } from 'hono';
import { isCompatible, contractVersion } from '../contract-version.ts';
import { AppError, unauthenticated } from '../http/error.ts';
import { headerNames } from '../http/headers.ts';
import type { AssertionVerifier } from '../identity/assertion-verify.ts';
import type { ServiceEnv } from './service-env.ts';

/**
 * Lets nothing past that the gateway did not sign for this backend; no I/O happens before this. `keyUsed` hears of every
 * request that came by a key, or by a token that a key was exchanged for.
 */
export function authenticate(
  verify: AssertionVerifier,
  keyUsed?: (keyId: string) => void,
): MiddlewareHandler<ServiceEnv> {
  return async (c, next) => {
    const assertion = c.req.header(headerNames.assertion);
    const principal = assertion ? await verify(assertion) : null;
    if (!principal) throw unauthenticated();
    requireCompatible(c.req.header(headerNames.contract));
    c.set('principal', principal);
    if (principal.kind === 'user' && principal.keyId !== null) keyUsed?.(principal.keyId);
    await next();
  };
}

function requireCompatible(offered: string | undefined): void {
  const theirs = Number(offered ?? 0);
  if (isCompatible(theirs)) return;
  throw new AppError('version_skew', `The gateway speaks contract ${theirs}, this backend ${contractVersion}`);
}
