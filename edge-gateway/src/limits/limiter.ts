import { WorkerEntrypoint } from 'cloudflare:workers';
import * as z from 'zod/mini';
import type { LeaseNamespace } from './lease-source.ts';

const Asked = z.object({ key: z.string(), limit: z.int(), ahead: z.int() });

/**
 * Leases over HTTP, for plain workerd: each of its processes would have Durable Objects of its own, so one process
 * serves this to all. It is bound as a service and listens on no public socket.
 */
export class Limiter extends WorkerEntrypoint<{ KEY_LIMITS: LeaseNamespace }> {
  override async fetch(request: Request): Promise<Response> {
    const asked = Asked.safeParse(await request.json());
    if (!asked.success) return new Response(null, { status: 400 });
    const { key, ...ask } = asked.data;
    return Response.json(await this.env.KEY_LIMITS.getByName(key).lease(ask));
  }
}
