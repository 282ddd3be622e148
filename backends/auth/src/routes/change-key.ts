import type { Hono } from 'hono';
import { changeKey as contract } from '#shared/contracts/auth-keys.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeKey } from '../keys/describe-key.ts';
import { changeKey, keyNotFound, type KeyManagement } from '../keys/manage-keys.ts';
import { keyCallerOf } from './key-caller.ts';
import { pathId } from './path-id.ts';

export function changeKeyRoute(app: Hono<ServiceEnv>, management: KeyManagement): void {
  mount(app, contract, async ({ c, body }) => {
    const key = await changeKey(management, keyCallerOf(c), pathId(c, keyNotFound), body);
    return c.json(describeKey(key));
  });
}
