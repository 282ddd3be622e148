import type { Context } from 'hono';
import { userOf } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { actorOf } from '../audit/actor.ts';
import type { KeyCaller } from '../keys/manage-keys.ts';

export function keyCallerOf(c: Context<ServiceEnv>): KeyCaller {
  const principal = userOf(c);
  return { principal, actor: { ...actorOf(c), userId: principal.userId } };
}
