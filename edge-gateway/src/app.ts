import { Hono } from 'hono';
import type { Deps } from './deps.ts';
import { edge } from './edge.ts';
import { getHealth } from './routes/get-health.ts';
import { getReady } from './routes/get-ready.ts';
import { getRoot } from './routes/get-root.ts';
import { getVersion } from './routes/get-version.ts';
import { proxy } from './routes/proxy.ts';

/** The gateway's own routes, and everything else to a backend. What happens around each of them is in edge.ts. */
export function createApp(deps: Deps): Hono {
  const answer = edge({ log: deps.log, origins: new Set(deps.config.ALLOWED_ORIGINS), limits: deps.limits });
  const app = new Hono();
  app.get('/', answer(getRoot(deps.config)));
  app.get('/health', answer(getHealth(deps)));
  app.get('/ready', answer(getReady(deps)));
  app.get('/version', answer(getVersion(deps)));
  app.all('*', answer(proxy(deps)));
  return app;
}
