import type { Hono } from 'hono';
import { rotateKey as contract } from '#shared/contracts/auth-keys.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeKey } from '../keys/describe-key.ts';
import { keyNotFound, rotateKey, type KeyManagement } from '../keys/manage-keys.ts';
import { keyCallerOf } from './key-caller.ts';
import { pathId } from './path-id.ts';

export function rotateKeyRoute(app: Hono<ServiceEnv>, management: KeyManagement): void {
  mount(app, contract, async ({ c, body }) => {
    const id = pathId(c, keyNotFound);
    const { key, secret } = await rotateKey(management, keyCallerOf(c), id, body.grace_seconds);
    return c.json({ ...describeKey(key), key: secret });
  });
}
