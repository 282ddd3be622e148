import type { Hono } from 'hono';
import { contractsOf } from '#shared/contracts/registry.ts';
import { createServiceApp, type ServiceAppOptions } from '#shared/service/create-service-app.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from './completion/catalogue.ts';
import type { Calls } from './calls/calls.ts';
import type { ProviderHealthBook } from './provider-health/provider-health.ts';
import { createChatCompletionRoute } from './routes/create-chat-completion.ts';
import { createEmbeddingRoute } from './routes/create-embedding.ts';
import { createMessageRoute } from './routes/create-message.ts';
import { createResponseRoute } from './routes/create-response.ts';
import { getApiHealthRoute } from './routes/get-api-health.ts';
import { getApiRootRoute } from './routes/get-api-root.ts';
import { getModelRoute } from './routes/get-model.ts';
import { listModelCardsRoute } from './routes/list-model-cards.ts';
import { listModelsRoute } from './routes/list-models.ts';
import { listProvidersRoute } from './routes/list-providers.ts';

export type Services = Omit<ServiceAppOptions, 'service' | 'contracts'> & {
  catalogue: Catalogue;
  calls: Calls;
  providerHealth: ProviderHealthBook;
};

export function createApp(services: Services): Hono<ServiceEnv> {
  const app = createServiceApp({ ...services, service: 'chat', contracts: contractsOf('chat') });
  createChatCompletionRoute(app, services);
  createResponseRoute(app, services);
  createMessageRoute(app, services);
  createEmbeddingRoute(app, services);
  listModelsRoute(app, services);
  getModelRoute(app, services);
  listProvidersRoute(app, services);
  listModelCardsRoute(app, services);
  getApiRootRoute(app, services);
  getApiHealthRoute(app, services);
  return app;
}
