import type { Context } from 'hono';
import { headerNames } from '#shared/http/headers.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Actor } from './audit-log.ts';

/** Who is behind a request, for the audit log. */
export function actorOf(c: Context<ServiceEnv>): Actor {
  const principal = c.get('principal');
  const user = principal.kind === 'user' ? principal : null;
  return {
    userId: user?.userId ?? null,
    keyId: user?.keyId ?? null,
    sessionId: user?.sessionId ?? null,
    requestId: c.get('requestId'),
    address: c.req.header(headerNames.clientAddress)?.slice(0, 64) ?? null,
  };
}
