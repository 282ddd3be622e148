import type { Hono } from 'hono';
import { refreshSession as contract } from '#shared/contracts/auth-sessions.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { signedInAnswer } from '../accounts/account-answer.ts';
import type { IdentityProvider } from '../accounts/identity-provider.ts';
import { visitorOf } from '../accounts/visitor.ts';

export function refreshSessionRoute(app: Hono<ServiceEnv>, provider: IdentityProvider): void {
  mount(app, contract, async ({ c, body }) =>
    c.json(signedInAnswer(await provider.refresh(body.refresh_token, visitorOf(c)))),
  );
}
