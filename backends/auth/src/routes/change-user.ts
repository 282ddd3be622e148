import type { Hono } from 'hono';
import { changeUser as contract } from '#shared/contracts/auth-admin.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { actorOf } from '../audit/actor.ts';
import { changeUser, describeUser, userNotFound, type UserDirectory } from '../users/manage-users.ts';
import { pathId } from './path-id.ts';

export function changeUserRoute(app: Hono<ServiceEnv>, directory: UserDirectory): void {
  mount(app, contract, async ({ c, body }) => {
    const user = await changeUser(directory, actorOf(c), pathId(c, userNotFound), body);
    return c.json(describeUser(user));
  });
}
