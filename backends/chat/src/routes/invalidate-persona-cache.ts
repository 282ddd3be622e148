import type { Hono } from 'hono';
import { invalidatePersonaCache as contract } from '#shared/contracts/chat-history.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Personas } from '../personas/personas.ts';
import { apiVersionOf } from './api-version.ts';

export function invalidatePersonaCacheRoute(app: Hono<ServiceEnv>, personas: Personas): void {
  mount(app, contract, async ({ c }) => {
    const dropped = personas.cache.drop(userOf(c));
    const message = `Forgot ${dropped} entries`;
    return c.json({ status: 'success', message, api_version: apiVersionOf(c), dropped_entries: dropped });
  });
}
