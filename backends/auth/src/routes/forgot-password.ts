import type { Hono } from 'hono';
import { forgotPassword as contract } from '#shared/contracts/auth-passwords.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { PasswordProvider } from '../accounts/identity-provider.ts';
import { visitorOf } from '../accounts/visitor.ts';

export function forgotPasswordRoute(app: Hono<ServiceEnv>, passwords: PasswordProvider): void {
  mount(app, contract, async ({ c, body }) => {
    await passwords.forgot(body.email, visitorOf(c));
    return c.json({ message: 'If this address has an account, a mail is on its way' });
  });
}
