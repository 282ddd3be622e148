import { createLogger } from '#shared/log.ts';
import { loadPriceCatalogue } from '#shared/prices/catalogue.ts';
import { printLogLine } from '#shared/service/print-log-line.ts';
import { runService } from '#shared/service/run-service.ts';
import { startService } from '#shared/service/start-service.ts';
import { createApp } from './app.ts';
import { createCatalogue } from './completion/catalogue.ts';
import { createBreakers } from './calls/breakers.ts';
import { createCalls } from './calls/calls.ts';
import { createConversationServices } from './conversation-services.ts';
import { createCardSource } from './completion/model-card.ts';
import { readConfig } from './config.ts';
import { createMoneyServices } from './money-services.ts';
import { measuredAttempt } from './performance/measured-call.ts';
import { createHealthChecks } from './provider-health/health-checks.ts';
import { createProviderHealthBook } from './provider-health/provider-health.ts';
import { translationFor } from './protocols/index.ts';
import { createProviders, modelsStandingOn } from './providers/index.ts';

await runService('chat', () => {
  const config = readConfig();
  const log = createLogger({ service: 'chat', level: config.LOG_LEVEL, write: printLogLine });
  const isLocalEnabled = config.LOCAL_PROVIDER === 'enabled';
  const { vendors, limits: timeouts } = config;
  const prices = loadPriceCatalogue();
  const knownModels = modelsStandingOn(new Date().toISOString().slice(0, 10), prices);
  const cardOf = createCardSource(prices);
  const catalogue = createCatalogue(createProviders({ vendors, isLocalEnabled, timeouts, cardOf, knownModels }));
  const providerHealth = createProviderHealthBook();
  const calls = createCalls({
    limits: config.limits,
    plan: {
      catalogue,
      fallbacks: config.CHAT_FALLBACKS,
      isAllowed: () => true,
      priceOf: ({ card }) => ({ price: card.price ?? { input: 0, cachedInput: 0, output: 0 }, version: 0 }),
      translationFor,
    },
    metering: {
      admit: async ({ callId, principal }) => ({ callId, principal, isReserved: false, at: new Date(), headers: {} }),
      settle: async () => undefined,
    },
    worstOf: () => ({ micros: 0, tokens: 0 }),
    breakers: createBreakers(),
    measure: (attempt) => providerHealth.record(measuredAttempt(attempt)),
    log,
  });
  const healthChecks = createHealthChecks({ providers: catalogue.providers, book: providerHealth });
  const statuses = () => catalogue.providers.map(({ id }) => ({ id, status: providerHealth.of(id).status }));
  return startService({
    service: 'chat',
    config,
    log,
    createApp: (parts) => {
      // A turn may take as long as a call, and then has to be stored.
      const maxTurnMs = config.limits.totalMs + 60_000;
      const kept = createConversationServices(parts.database.db, { log, maxTurnMs });
      parts.onStop(kept.turns.stop);
      const money = createMoneyServices(parts.database.db);
      return createApp({ ...parts, ...kept, money, catalogue, calls, providerHealth, healthChecks });
    },
    healthDetails: () => ({ providers: Object.fromEntries(statuses().map(({ id, status }) => [id, { status }])) }),
    healthDegraded: () => statuses().some(({ status }) => status === 'unhealthy'),
    close: async () => {
      await Promise.all(catalogue.providers.map((provider) => provider.close()));
    },
  });
});
