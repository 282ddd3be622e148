import type { Handler } from 'hono';
import { version } from '../../../package.json';
import type { Config } from '../config.ts';
import type { GatewayEnv } from '../gateway-env.ts';

/** What this is, and where to go from here. */
export function getRoot(config: Config): Handler<GatewayEnv> {
  return (c) =>
    c.json({
      name: 'Gaia',
      version,
      environment: config.ENVIRONMENT,
      api_versions: ['v1', 'v0.3', 'v0.2'],
      links: {
        docs: '/docs',
        openapi: '/openapi.json',
        health: '/health',
        openai: '/v1',
        anthropic: '/v1/messages',
      },
    });
}
