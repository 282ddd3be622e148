import type { Hono } from 'hono';
import { getTokenKeys as contract } from '#shared/contracts/token-keys.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { publicKeysOf, type SigningKey } from '../tokens/signing-keys.ts';

export function getTokenKeysRoute(app: Hono<ServiceEnv>, signingKeys: readonly SigningKey[]): void {
  const document = publicKeysOf(signingKeys);
  mount(app, contract, ({ c }) => c.json(document));
}
