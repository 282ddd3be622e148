import type { Hono } from 'hono';
import { resetPassword as contract } from '#shared/contracts/auth-passwords.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { PasswordProvider } from '../accounts/identity-provider.ts';
import { visitorOf } from '../accounts/visitor.ts';

export function resetPasswordRoute(app: Hono<ServiceEnv>, passwords: PasswordProvider): void {
  mount(app, contract, async ({ c, body }) => {
    await passwords.reset(body, visitorOf(c));
    return c.json({ message: 'The password is set: log in with it' });
  });
}
