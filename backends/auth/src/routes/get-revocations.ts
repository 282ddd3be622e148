import type { Hono } from 'hono';
import { getRevocations as contract } from '#shared/contracts/auth.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { RunningRevocationFeed } from '../revocations/revocation-feed.ts';

export function getRevocationsRoute(app: Hono<ServiceEnv>, feed: Pick<RunningRevocationFeed, 'after'>): void {
  mount(app, contract, async ({ c, query }) => c.json(await feed.after(query.after ?? null)));
}
