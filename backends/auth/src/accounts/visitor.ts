import type { Context } from 'hono';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { actorOf } from '../audit/actor.ts';
import type { Visitor } from './account.ts';

/** Who is behind a request that needs no credential. */
export function visitorOf(c: Context<ServiceEnv>): Visitor {
  return { actor: actorOf(c), userAgent: c.req.header('user-agent')?.slice(0, 256) ?? null };
}
