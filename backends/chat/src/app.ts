import type { Hono } from 'hono';
import { contractsOf } from '#shared/contracts/registry.ts';
import type { Idempotency } from '#shared/idempotency/idempotency.ts';
import { createServiceApp, type ServiceAppOptions } from '#shared/service/create-service-app.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { Catalogue } from './completion/catalogue.ts';
import type { Calls } from './calls/calls.ts';
import type { ConversationServices } from './conversation-services.ts';
import type { ChatParts } from './gaia-chat/open-chat.ts';
import type { MoneyServices } from './money-services.ts';
import type { HealthChecks } from './provider-health/health-checks.ts';
import type { ProviderHealthBook } from './provider-health/provider-health.ts';
import { chatStreamRoute } from './routes/chat-stream.ts';
import { chatRoute } from './routes/chat.ts';
import { checkProvidersRoute } from './routes/check-providers.ts';
import { compareModelsRoute } from './routes/compare-models.ts';
import { conversationRoutes } from './routes/conversation-routes.ts';
import { countMessageTokensRoute } from './routes/count-message-tokens.ts';
import { createChatCompletionRoute } from './routes/create-chat-completion.ts';
import { createEmbeddingRoute } from './routes/create-embedding.ts';
import { createMessageRoute } from './routes/create-message.ts';
import { createResponseRoute } from './routes/create-response.ts';
import { getApiHealthRoute } from './routes/get-api-health.ts';
import { getApiRootRoute } from './routes/get-api-root.ts';
import { getLivePerformanceRoute } from './routes/get-live-performance.ts';
import { getModelCardRoute } from './routes/get-model-card.ts';
import { getModelRoute } from './routes/get-model.ts';
import { getPerformanceHealthRoute } from './routes/get-performance-health.ts';
import { getPerformanceSummaryRoute } from './routes/get-performance-summary.ts';
import { getProviderHealthRoute } from './routes/get-provider-health.ts';
import { getProviderStatsRoute } from './routes/get-provider-stats.ts';
import { getProviderRoute } from './routes/get-provider.ts';
import { getProvidersPerformanceRoute } from './routes/get-providers-performance.ts';
import { getStagesPerformanceRoute } from './routes/get-stages-performance.ts';
import { listCapabilitiesRoute } from './routes/list-capabilities.ts';
import { listContextsRoute } from './routes/list-contexts.ts';
import { listModelCardsRoute } from './routes/list-model-cards.ts';
import { listModelsRoute } from './routes/list-models.ts';
import { listPrioritiesRoute } from './routes/list-priorities.ts';
import { listProviderModelsRoute } from './routes/list-provider-models.ts';
import { listProvidersHealthRoute } from './routes/list-providers-health.ts';
import { listProvidersStatsRoute } from './routes/list-providers-stats.ts';
import { listProvidersRoute } from './routes/list-providers.ts';
import { listStreamModelsRoute } from './routes/list-stream-models.ts';
import { personaRoutes } from './routes/persona-routes.ts';
import { rankStreamModelsRoute } from './routes/rank-stream-models.ts';
import { recommendModelRoute } from './routes/recommend-model.ts';
import { recommendVrModelRoute } from './routes/recommend-vr-model.ts';
import { resetPerformanceRoute } from './routes/reset-performance.ts';
import { simpleChatRoute } from './routes/simple-chat.ts';
import { unitedChatRoute } from './routes/united-chat.ts';
import { usageRoutes } from './routes/usage-routes.ts';

export type Services = Omit<ServiceAppOptions, 'service' | 'contracts'> &
  ConversationServices & {
    catalogue: Catalogue;
    calls: Calls;
    providerHealth: ProviderHealthBook;
    healthChecks: HealthChecks;
    chats: ChatParts;
    idempotency: Idempotency;
    money: MoneyServices;
  };

export function createApp(services: Services): Hono<ServiceEnv> {
  const app = createServiceApp({ ...services, service: 'chat', contracts: contractsOf('chat') });
  createChatCompletionRoute(app, services);
  createResponseRoute(app, services);
  createMessageRoute(app, services);
  countMessageTokensRoute(app, services);
  createEmbeddingRoute(app, services);
  chatRoute(app, services);
  chatStreamRoute(app, services);
  unitedChatRoute(app, services);
  simpleChatRoute(app, services);
  listModelsRoute(app, services);
  getModelRoute(app, services);
  providerRoutes(app, services);
  modelCardRoutes(app, services);
  performanceRoutes(app, services);
  conversationRoutes(app, services.conversations);
  personaRoutes(app, services.personas);
  usageRoutes(app, services.money);
  getApiRootRoute(app, services);
  getApiHealthRoute(app, services);
  return app;
}

/** Fixed words go before the name of a provider, which could be read into them. */
function providerRoutes(app: Hono<ServiceEnv>, services: Services): void {
  listProvidersRoute(app, services);
  listProvidersHealthRoute(app, services);
  listProvidersStatsRoute(app, services);
  checkProvidersRoute(app, services);
  getProviderRoute(app, services);
  listProviderModelsRoute(app, services);
  getProviderHealthRoute(app, services);
  getProviderStatsRoute(app, services);
}

/** Fixed words go before the id of a model, which may have slashes. */
function modelCardRoutes(app: Hono<ServiceEnv>, services: Services): void {
  listModelCardsRoute(app, services);
  listCapabilitiesRoute(app, services);
  listPrioritiesRoute(app);
  listContextsRoute(app);
  recommendModelRoute(app, services);
  compareModelsRoute(app, services);
  recommendVrModelRoute(app, services);
  getModelCardRoute(app, services);
  listStreamModelsRoute(app, services);
  rankStreamModelsRoute(app, services);
}

function performanceRoutes(app: Hono<ServiceEnv>, services: Services): void {
  getPerformanceSummaryRoute(app, services);
  getProvidersPerformanceRoute(app, services);
  getStagesPerformanceRoute(app, services);
  getLivePerformanceRoute(app, services);
  getPerformanceHealthRoute(app, services);
  resetPerformanceRoute(app, services);
}
