import type { Hono } from 'hono';
import { listUsers as contract } from '#shared/contracts/auth-admin.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeUser, type UserDirectory } from '../users/manage-users.ts';

export function listUsersRoute(app: Hono<ServiceEnv>, directory: UserDirectory): void {
  mount(app, contract, async ({ c, query }) => {
    const { items, next } = await directory.list(query);
    return c.json({ users: items.map(describeUser), next });
  });
}
