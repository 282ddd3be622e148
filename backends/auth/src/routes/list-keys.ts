import type { Hono } from 'hono';
import { listKeys as contract } from '#shared/contracts/auth-keys.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { describeKey } from '../keys/describe-key.ts';
import type { KeyVault } from '../keys/key-vault.ts';

export function listKeysRoute(app: Hono<ServiceEnv>, vault: KeyVault): void {
  mount(app, contract, async ({ c, query }) => {
    const { items, next } = await vault.list(userOf(c).userId, query);
    return c.json({ keys: items.map(describeKey), next });
  });
}
