import type { Hono } from 'hono';
import { logOut as contract } from '#shared/contracts/auth-sessions.ts';
import { AppError } from '#shared/http/error.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { IdentityProvider } from '../accounts/identity-provider.ts';
import { actorOf } from '../audit/actor.ts';
import type { SessionRepository } from '../sessions/session-repository.ts';

export function logOutRoute(
  app: Hono<ServiceEnv>,
  provider: IdentityProvider,
  exchanged: Pick<SessionRepository, 'endExchanged'>,
): void {
  mount(app, contract, async ({ c }) => {
    const { userId, sessionId, keyId } = userOf(c);
    if (!sessionId) throw new AppError('invalid_request', 'This request came without a session that could be ended');
    const session = { sessionId, userId };
    if (keyId === null) await provider.logOut(session, actorOf(c));
    else await exchanged.endExchanged(session, actorOf(c));
    return c.body(null, 204);
  });
}
