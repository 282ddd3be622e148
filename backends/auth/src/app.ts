import type { Hono } from 'hono';
import { contractsOf } from '#shared/contracts/registry.ts';
import { createServiceApp, type ServiceAppOptions } from '#shared/service/create-service-app.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ApiReference } from './docs/api-reference.ts';
import type { KeyRepository } from './keys/resolve-key.ts';
import { getDocsRoute } from './routes/get-docs.ts';
import { getOpenApiDocumentRoute } from './routes/get-open-api-document.ts';
import { getTokenKeysRoute } from './routes/get-token-keys.ts';
import { getRevocationsRoute } from './routes/get-revocations.ts';
import { resolveKeyRoute } from './routes/resolve-key.ts';
import type { RunningRevocationFeed } from './revocations/revocation-feed.ts';
import type { SigningKey } from './tokens/signing-keys.ts';

export type Services = Omit<ServiceAppOptions, 'service' | 'contracts'> & {
  keys: KeyRepository;
  revocations: Pick<RunningRevocationFeed, 'after'>;
  reference: ApiReference;
  signingKeys: readonly SigningKey[];
};

export function createApp(services: Services): Hono<ServiceEnv> {
  const app = createServiceApp({ ...services, service: 'auth', contracts: contractsOf('auth') });
  resolveKeyRoute(app, services.keys);
  getRevocationsRoute(app, services.revocations);
  getTokenKeysRoute(app, services.signingKeys);
  getOpenApiDocumentRoute(app, services.reference);
  getDocsRoute(app, services.reference);
  return app;
}
