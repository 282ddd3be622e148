import type { Hono } from 'hono';
import { getPersonaCacheStatus as contract } from '#shared/contracts/chat-history.ts';
import { mount, userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { personaCacheSeconds } from '../personas/persona-cache.ts';
import type { Personas } from '../personas/personas.ts';
import { apiVersionOf } from './api-version.ts';

export function getPersonaCacheStatusRoute(app: Hono<ServiceEnv>, personas: Personas): void {
  mount(app, contract, async ({ c }) => {
    const { entries, hits, misses } = personas.cache.counts(userOf(c));
    return c.json({
      status: 'active',
      message: 'Counted for you, in the process that answers, since it started',
      api_version: apiVersionOf(c),
      entries,
      hits,
      misses,
      hit_rate: hits + misses === 0 ? null : hits / (hits + misses),
      ttl_seconds: personaCacheSeconds,
    });
  });
}
