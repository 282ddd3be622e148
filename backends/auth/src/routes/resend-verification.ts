import type { Hono } from 'hono';
import { resendVerification as contract } from '#shared/contracts/auth-sessions.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { IdentityProvider } from '../accounts/identity-provider.ts';
import { visitorOf } from '../accounts/visitor.ts';

export function resendVerificationRoute(app: Hono<ServiceEnv>, provider: IdentityProvider): void {
  mount(app, contract, async ({ c, body }) => {
    await provider.resendVerification(body.email, visitorOf(c));
    return c.json({ message: 'If an account waits for this address, a mail is on its way' });
  });
}
