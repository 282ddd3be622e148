import type { Context } from 'hono';
import type { ServiceEnv } from '#shared/service/service-env.ts';

/** Which spelling of a path was called, for answers that older clients look for it in. */
export function apiVersionOf(c: Context<ServiceEnv>): 'v0.2' | 'v1' {
  return c.req.path.startsWith('/api/v0.2/') ? 'v0.2' : 'v1';
}
