import type { Hono } from 'hono';
import { changePassword as contract } from '#shared/contracts/auth-passwords.ts';
import { AppError } from '#shared/http/error.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { signedInAnswer } from '../accounts/account-answer.ts';
import type { PasswordProvider } from '../accounts/identity-provider.ts';
import { visitorOf } from '../accounts/visitor.ts';

export function changePasswordRoute(app: Hono<ServiceEnv>, passwords: PasswordProvider): void {
  mount(app, contract, async ({ c, body }) => {
    const { userId, keyId } = userOf(c);
    if (keyId !== null) throw new AppError('invalid_request', 'Only a session may change a password, and no key');
    const change = { userId, current: body.current_password, next: body.new_password };
    return c.json(signedInAnswer(await passwords.change(change, visitorOf(c))));
  });
}
