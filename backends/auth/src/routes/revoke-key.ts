import type { Hono } from 'hono';
import { revokeKey as contract } from '#shared/contracts/auth-keys.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { keyNotFound, revokeKey, type KeyManagement } from '../keys/manage-keys.ts';
import { keyCallerOf } from './key-caller.ts';
import { pathId } from './path-id.ts';

export function revokeKeyRoute(app: Hono<ServiceEnv>, management: KeyManagement): void {
  mount(app, contract, async ({ c }) => {
    await revokeKey(management, keyCallerOf(c), pathId(c, keyNotFound));
    return c.body(null, 204);
  });
}
