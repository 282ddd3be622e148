import type { Hono } from 'hono';
import { confirmEmail as contract } from '#shared/contracts/auth-sessions.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { IdentityProvider } from '../accounts/identity-provider.ts';
import { visitorOf } from '../accounts/visitor.ts';

export function confirmEmailRoute(app: Hono<ServiceEnv>, provider: IdentityProvider): void {
  mount(app, contract, async ({ c, body }) => {
    await provider.confirm(body, visitorOf(c));
    return c.json({ message: 'The address is confirmed' });
  });
}
