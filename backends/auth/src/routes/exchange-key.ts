import type { Hono } from 'hono';
import { exchangeKey as contract } from '#shared/contracts/auth-keys.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { exchangeKey, type KeyExchange } from '../keys/exchange-key.ts';
import { keyCallerOf } from './key-caller.ts';

export function exchangeKeyRoute(app: Hono<ServiceEnv>, exchange: KeyExchange): void {
  mount(app, contract, async ({ c, body }) => {
    const { token, scopes, lifetimeSeconds } = await exchangeKey(exchange, keyCallerOf(c), body);
    return c.json({ access_token: token, token_type: 'bearer', expires_in: lifetimeSeconds, scopes });
  });
}
