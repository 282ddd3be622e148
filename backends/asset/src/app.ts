import type { Hono } from 'hono';
import { contractsOf } from '#shared/contracts/registry.ts';
import { createServiceApp, type ServiceAppOptions } from '#shared/service/create-service-app.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { testAssetsRoute } from './routes/test-assets.ts';

export type Services = Omit<ServiceAppOptions, 'service' | 'contracts'>;

export function createApp(services: Services): Hono<ServiceEnv> {
  const app = createServiceApp({ ...services, service: 'asset', contracts: contractsOf('asset') });
  testAssetsRoute(app, services.build);
  return app;
}
