import type { Context } from 'hono';
import { headerNames } from '#shared/http/headers.ts';
import { userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { BudgetActor } from '../money/budget-state.ts';

/** Who is behind a request, for the audit log. */
export function budgetActor(c: Context<ServiceEnv>): BudgetActor {
  const { userId, keyId, sessionId = null } = userOf(c);
  const address = c.req.header(headerNames.clientAddress)?.slice(0, 64) ?? null;
  return { userId, keyId, sessionId, requestId: c.get('requestId'), address };
}
