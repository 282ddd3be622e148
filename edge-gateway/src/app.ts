import { Hono } from 'hono';
import { cors } from 'hono/cors';
import { onError, onNotFound } from '#shared/http/on-error.ts';
import { headerNames, securityHeaders } from '#shared/http/headers.ts';
import { requestId } from '#shared/http/request-id.ts';
import { accessLog } from './access-log.ts';
import { cleanRequest } from './clean-request.ts';
import type { Deps } from './deps.ts';
import type { GatewayEnv } from './gateway-env.ts';
import { getHealth } from './routes/get-health.ts';
import { getReady } from './routes/get-ready.ts';
import { getRoot } from './routes/get-root.ts';
import { getVersion } from './routes/get-version.ts';
import { proxy } from './routes/proxy.ts';
import { serverTiming } from './timings.ts';

/** The way of every request, top to bottom. */
export function createApp(deps: Deps): Hono<GatewayEnv> {
  const { config, log } = deps;
  const app = new Hono<GatewayEnv>();
  app.onError(onError(log));
  app.notFound(onNotFound());

  app.use(requestId());
  app.use(accessLog(log));
  app.use(serverTiming());
  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(securityHeaders)) c.header(name, value);
  });
  app.use(
    cors({
      origin: config.ALLOWED_ORIGINS,
      credentials: true,
      allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      exposeHeaders: [
        headerNames.requestId,
        'retry-after',
        'ratelimit',
        'ratelimit-policy',
        'location',
        'server-timing',
      ],
      maxAge: 600,
    }),
  );
  app.use(cleanRequest());

  app.get('/', getRoot(config));
  app.get('/health', getHealth(deps));
  app.get('/ready', getReady(deps));
  app.get('/version', getVersion(config));
  app.all('*', proxy(deps));
  return app;
}
