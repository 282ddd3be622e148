import type { Hono } from 'hono';
import { getKey as contract } from '#shared/contracts/auth-keys.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeKey } from '../keys/describe-key.ts';
import type { KeyVault } from '../keys/key-vault.ts';
import { keyNotFound } from '../keys/manage-keys.ts';
import { pathId } from './path-id.ts';

export function getKeyRoute(app: Hono<ServiceEnv>, vault: KeyVault): void {
  mount(app, contract, async ({ c }) => {
    const key = await vault.find(userOf(c).userId, pathId(c, keyNotFound));
    if (!key) throw keyNotFound();
    return c.json(describeKey(key));
  });
}
