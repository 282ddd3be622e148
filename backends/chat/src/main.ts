import { createLogger } from '#shared/log.ts';
import { loadPriceCatalogue } from '#shared/prices/catalogue.ts';
import { printLogLine } from '#shared/service/print-log-line.ts';
import { runService } from '#shared/service/run-service.ts';
import { startService } from '#shared/service/start-service.ts';
import { createApp } from './app.ts';
import { createCatalogue } from './completion/catalogue.ts';
import { createCallServices } from './call-services.ts';
import { createConversationServices } from './conversation-services.ts';
import { createCardSource } from './completion/model-card.ts';
import { readConfig } from './config.ts';
import { createMoneyServices } from './money-services.ts';
import { createHealthChecks } from './provider-health/health-checks.ts';
import { createProviderHealthBook } from './provider-health/provider-health.ts';
import { createProviders, modelsStandingOn } from './providers/index.ts';

/** YYYY-MM-DD. */
const today = (): string => new Date().toISOString().slice(0, 10);

await runService('chat', () => {
  const config = readConfig();
  const log = createLogger({ service: 'chat', level: config.LOG_LEVEL, write: printLogLine });
  const isLocalEnabled = config.LOCAL_PROVIDER === 'enabled';
  const { vendors, limits: timeouts } = config;
  const prices = loadPriceCatalogue();
  const knownModels = modelsStandingOn(today(), prices);
  const cardOf = createCardSource(prices);
  const catalogue = createCatalogue(createProviders({ vendors, isLocalEnabled, timeouts, cardOf, knownModels }));
  const providerHealth = createProviderHealthBook();
  const healthChecks = createHealthChecks({ providers: catalogue.providers, book: providerHealth });
  const statuses = () => catalogue.providers.map(({ id }) => ({ id, status: providerHealth.of(id).status }));
  return startService({
    service: 'chat',
    config,
    log,
    createApp: (parts) => {
      // A turn may take as long as a call, and then has to be stored.
      const maxTurnMs = config.limits.totalMs + 60_000;
      const kept = createConversationServices(parts.database.db, {
        log,
        maxTurnMs,
        leaseSeconds: config.CRASH_LEASE_SECONDS,
      });
      const services = { config, log, database: parts.database, catalogue, performance: providerHealth };
      const { calls, idempotency, stop } = createCallServices({ ...services, priceVersion: prices.priceVersion });
      parts.onStop(async () => {
        await kept.turns.stop();
        await stop();
      });
      const chats = { ...kept, choosing: { catalogue, plan: calls.plan, performance: providerHealth, today }, log };
      const money = createMoneyServices(parts.database.db);
      return createApp({
        ...parts,
        ...kept,
        money,
        catalogue,
        calls,
        chats,
        idempotency,
        providerHealth,
        healthChecks,
      });
    },
    healthDetails: () => ({ providers: Object.fromEntries(statuses().map(({ id, status }) => [id, { status }])) }),
    healthDegraded: () => statuses().some(({ status }) => status === 'unhealthy'),
    close: async () => {
      await Promise.all(catalogue.providers.map((provider) => provider.close()));
    },
  });
});
