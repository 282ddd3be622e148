import { testAssets as contract } from '#shared/contracts/asset.ts';
import type { BuildInfo } from '#shared/service/build-info.ts';
import { mount } from '#shared/service/mount.ts';
import type { Hono } from 'hono';
import type { ServiceEnv } from '#shared/service/service-env.ts';

export function testAssetsRoute(app: Hono<ServiceEnv>, { version }: BuildInfo): void {
  mount(app, contract, ({ c }) =>
    c.json({ status: 'ok', service: 'asset', version, timestamp: new Date().toISOString() }),
  );
}
