import type { Context } from 'hono';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Actor } from './audit-log.ts';

/** Set by the gateway, which lets nothing of that name in; what else is there came without an assertion. */
const addressHeader = 'x-gaia-client-address';

/** Who is behind a request, for the audit log. */
export function actorOf(c: Context<ServiceEnv>): Actor {
  const principal = c.get('principal');
  const user = principal.kind === 'user' ? principal : null;
  return {
    userId: user?.userId ?? null,
    keyId: user?.keyId ?? null,
    sessionId: user?.sessionId ?? null,
    requestId: c.get('requestId'),
    address: c.req.header(addressHeader)?.slice(0, 64) ?? null,
  };
}
