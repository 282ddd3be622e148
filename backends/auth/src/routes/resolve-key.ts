import { resolveKey as contract } from '#shared/contracts/auth.ts';
import { AppError } from '#shared/http/error.ts';
import { noUsableKey } from '#shared/identity/resolved-key.ts';
import { mount } from '#shared/service/mount.ts';
import type { Hono } from 'hono';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { resolveKey, type KeyRepository } from '../keys/resolve-key.ts';

export function resolveKeyRoute(app: Hono<ServiceEnv>, keys: KeyRepository): void {
  mount(app, contract, async ({ c, body }) => {
    const resolved = await resolveKey(keys, body.key_hash, new Date());
    if (!resolved) throw new AppError('not_found', noUsableKey);
    return c.json(resolved);
  });
}
