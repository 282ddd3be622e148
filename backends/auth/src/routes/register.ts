import type { Hono } from 'hono';
import { register as contract } from '#shared/contracts/auth-sessions.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { signedInAnswer } from '../accounts/account-answer.ts';
import type { IdentityProvider } from '../accounts/identity-provider.ts';
import { visitorOf } from '../accounts/visitor.ts';

export function registerRoute(app: Hono<ServiceEnv>, provider: IdentityProvider): void {
  mount(app, contract, async ({ c, body }) => {
    const registration = { email: body.email, password: body.password, name: body.name ?? null };
    const signedIn = await provider.register(registration, visitorOf(c));
    if (!signedIn) return c.json({ message: 'If the address is free, it has an account now: log in to it' }, 202);
    return c.json(signedInAnswer(signedIn), 201);
  });
}
