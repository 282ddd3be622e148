import { Hono, type Handler } from 'hono';
import type { Deps } from './deps.ts';
import { edge, type Answerer } from './edge.ts';
import { targetOf } from './request-target.ts';
import { getHealth } from './routes/get-health.ts';
import { getReady } from './routes/get-ready.ts';
import { getRoot } from './routes/get-root.ts';
import { getVersion } from './routes/get-version.ts';
import { ownPaths } from './routes/own-paths.ts';
import { proxy } from './routes/proxy.ts';

export type App = { fetch: (request: Request, context: ExecutionContext) => Response | Promise<Response> };

/**
 * The gateway's own routes, and everything else to a backend. What happens around each of them is in edge.ts. Only
 * the own paths go through Hono: for the rest its router could but say that anything matches, at a twentieth of the
 * CPU of a request (docs/decisions/0015).
 */
export function createApp(deps: Deps): App {
  const answer = edge({ log: deps.log, origins: new Set(deps.config.ALLOWED_ORIGINS), limits: deps.limits });
  const forward = answer(proxy(deps));
  const own = new Hono();
  own.get('/', viaHono(answer(getRoot(deps.config))));
  own.get('/health', viaHono(answer(getHealth(deps))));
  own.get('/ready', viaHono(answer(getReady(deps))));
  own.get('/version', viaHono(answer(getVersion(deps))));
  own.all('*', viaHono(forward));
  return {
    fetch: (request, context) =>
      ownPaths.has(targetOf(request.url).path) ? own.fetch(request, {}, context) : forward(request, context),
  };
}

function viaHono(answer: Answerer): Handler {
  return async (c) => await answer(c.req.raw, c.executionCtx);
}
