import type { Hono } from 'hono';
import { createUser as contract } from '#shared/contracts/auth-admin.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { PasswordProvider } from '../accounts/identity-provider.ts';
import { actorOf } from '../audit/actor.ts';
import { createUser, describeUser, type UserDirectory } from '../users/manage-users.ts';

export function createUserRoute(
  app: Hono<ServiceEnv>,
  directory: UserDirectory,
  passwords: Pick<PasswordProvider, 'invite'>,
): void {
  mount(app, contract, async ({ c, body }) => {
    const user = await createUser(directory, actorOf(c), body);
    await passwords.invite({ id: user.id, email: body.email });
    return c.json(describeUser(user), 201, { location: `/api/v1/admin/users/${user.id}` });
  });
}
