import type { Handler } from 'hono';
import type { Deps } from '../deps.ts';
import type { GatewayEnv } from '../gateway-env.ts';

/** Ready as soon as callers can be identified, which takes the auth backend and its database. */
export function getReady({ upstreams, send }: Deps): Handler<GatewayEnv> {
  return async (c) => {
    const ready = await isReady(`${upstreams.origins.auth}/ready`, send);
    return c.json({ status: ready ? 'ready' : 'not_ready' }, ready ? 200 : 503);
  };
}

async function isReady(url: string, send: typeof fetch): Promise<boolean> {
  try {
    const answer = await send(url, { signal: AbortSignal.timeout(1_000) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
