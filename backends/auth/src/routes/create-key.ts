import type { Hono } from 'hono';
import { createKey as contract } from '#shared/contracts/auth-keys.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeKey } from '../keys/describe-key.ts';
import { createKey, type KeyManagement } from '../keys/manage-keys.ts';
import { keyCallerOf } from './key-caller.ts';

export function createKeyRoute(app: Hono<ServiceEnv>, management: KeyManagement): void {
  mount(app, contract, async ({ c, body }) => {
    const { key, secret } = await createKey(management, keyCallerOf(c), body);
    return c.json({ ...describeKey(key), key: secret }, 201, { location: `/api/v1/keys/${key.id}` });
  });
}
