import type { Hono } from 'hono';
import type { z } from '@hono/zod-openapi';
import { getApiRoot as contract, type ApiRoot } from '#shared/contracts/chat.ts';
import type { BuildInfo } from '#shared/service/build-info.ts';
import { mount } from '#shared/service/mount.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';

export function getApiRootRoute(app: Hono<ServiceEnv>, { build }: { build: BuildInfo }): void {
  mount(app, contract, ({ c }) =>
    c.json({
      name: 'Gaia',
      version: build.version,
      api_version: 'v0.2',
      api_versions: ['v1', 'v0.3', 'v0.2'],
      links: { health: '/api/v0.2/health', documentation: '/docs', openapi: '/openapi.json' },
    } satisfies z.infer<typeof ApiRoot>),
  );
}
