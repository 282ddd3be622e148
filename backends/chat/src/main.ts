import { createLogger } from '#shared/log.ts';
import { loadPriceCatalogue } from '#shared/prices/catalogue.ts';
import { printLogLine } from '#shared/service/print-log-line.ts';
import { runService } from '#shared/service/run-service.ts';
import { startService } from '#shared/service/start-service.ts';
import { createApp } from './app.ts';
import { createCatalogue } from './completion/catalogue.ts';
import { createCompletions } from './completion/completions.ts';
import { createCardSource } from './completion/model-card.ts';
import { readConfig } from './config.ts';
import { createProviderHealthBook } from './provider-health/provider-health.ts';
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
  const completions = createCompletions({ limits: config.limits, health: providerHealth, log });
  const statuses = () => catalogue.providers.map(({ id }) => ({ id, status: providerHealth.of(id).status }));
  return startService({
    service: 'chat',
    config,
    log,
    createApp: (parts) => createApp({ ...parts, catalogue, completions, providerHealth }),
    healthDetails: () => ({ providers: Object.fromEntries(statuses().map(({ id, status }) => [id, { status }])) }),
    healthDegraded: () => statuses().some(({ status }) => status === 'unhealthy'),
    close: async () => {
      await Promise.all(catalogue.providers.map((provider) => provider.close()));
    },
  });
});
