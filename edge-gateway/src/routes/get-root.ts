import { version } from '../../../package.json';
import type { Config } from '../config.ts';
import { jsonAnswer, type Responder } from '../edge.ts';

/** What this is, and where to go from here. */
export function getRoot(config: Config): Responder {
  return () =>
    jsonAnswer({
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
