import type { Hono } from 'hono';
import { getUser as contract } from '#shared/contracts/auth-admin.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeUser, userNotFound, type UserDirectory } from '../users/manage-users.ts';
import { pathId } from './path-id.ts';

export function getUserRoute(app: Hono<ServiceEnv>, directory: UserDirectory): void {
  mount(app, contract, async ({ c }) => {
    const user = await directory.find(pathId(c, userNotFound));
    if (!user) throw userNotFound();
    return c.json(describeUser(user));
  });
}
