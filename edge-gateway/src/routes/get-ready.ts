import type { Deps } from '../deps.ts';
import { jsonAnswer, type Responder } from '../edge.ts';
import { hopHeaders, refuseOwnRequest } from '../upstreams/own-hop.ts';

/** Ready as soon as callers can be identified, which takes the auth backend and its database. */
export function getReady({ upstreams, send }: Deps): Responder {
  return async ({ raw }) => {
    refuseOwnRequest(raw.headers);
    const ready = await isReady(`${upstreams.origins.auth}/ready`, send);
    return jsonAnswer({ status: ready ? 'ready' : 'not_ready' }, ready ? 200 : 503);
  };
}

async function isReady(url: string, send: typeof fetch): Promise<boolean> {
  try {
    const answer = await send(url, { headers: hopHeaders, redirect: 'manual', signal: AbortSignal.timeout(1_000) });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}
