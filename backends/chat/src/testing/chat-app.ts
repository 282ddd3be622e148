import type { Hono } from 'hono';
import { contractVersion } from '#shared/contract-version.ts';
import type { AssertionVerifier } from '#shared/identity/assertion-verify.ts';
import type { Principal, Scope } from '#shared/identity/principal.ts';
import { connect, type Database } from '#shared/db/connect.ts';
import { createGuardedFetch } from '#shared/guarded-fetch/guarded-fetch.ts';
import { createIdempotencyStore } from '#shared/idempotency/idempotency-store.ts';
import { createIdempotency } from '#shared/idempotency/idempotency.ts';
import { createLogger } from '#shared/log.ts';
import { createHealthReporter } from '#shared/service/health.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { createApp } from '../app.ts';
import { createCatalogue } from '../completion/catalogue.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';
import { createConversationServices } from '../conversation-services.ts';
import { createMoneyServices } from '../money-services.ts';
import { createBreakers } from '../calls/breakers.ts';
import { createLoadShedding } from '../calls/load-shedding.ts';
import { createCalls, type CallLimits } from '../calls/calls.ts';
import { translationFor } from '../protocols/index.ts';
import { isSelectionAllowed } from '../selection/allowed-models.ts';
import { createTestMetering, type TestMetering } from './test-metering.ts';
import { createLocalProvider } from '../providers/index.ts';
import { measuredAttempt } from '../performance/measured-call.ts';
import { createHealthChecks } from '../provider-health/health-checks.ts';
import { createProviderHealthBook, type ProviderHealthBook } from '../provider-health/provider-health.ts';

export type TestChat = {
  app: Hono<ServiceEnv>;
  logLines: string[];
  health: ProviderHealthBook;
  metering: TestMetering;
};

export type TestChatOptions = {
  /** Without it, only the local stand-in. */
  providers?: readonly ChatProvider[];
  limits?: Partial<CallLimits>;
  verifyAssertion?: AssertionVerifier;
  maxCalls?: number;
  fallbacks?: Record<string, string[]>;
  pingDatabase?: () => Promise<void>;
  /** Without it, whatever needs one answers 503. */
  db?: Database;
};

/** Headers under which the app below believes to be called by a user with these scopes. */
export function asUser(...scopes: Scope[]): Record<string, string> {
  return { 'x-gaia-assertion': scopes.join(' ') || 'nobody', 'x-gaia-contract': String(contractVersion) };
}

export const asAnonymous = asUser();

/** The whole app in process: real middlewares, routes and domain; an assertion is the list of its scopes. */
export function createTestChat(options: TestChatOptions = {}): TestChat {
  const { providers = [createLocalProvider()], limits, fallbacks = {}, pingDatabase = async () => undefined } = options;
  const logLines: string[] = [];
  const log = createLogger({ service: 'chat', level: 'info', write: (line) => void logLines.push(line) });
  const health = createProviderHealthBook();
  const metering = createTestMetering();
  const catalogue = createCatalogue(providers);
  const noDatabase = connect({ url: 'postgresql://127.0.0.1:1/none', poolSize: 1, log }).db;
  const db = options.db ?? noDatabase;
  const kept = createConversationServices(db, { log, maxTurnMs: 60_000 });
  const calls = createCalls({
    limits: { ...generousLimits, ...limits },
    plan: {
      catalogue,
      fallbacks: new Map(Object.entries(fallbacks)),
      isAllowed: isSelectionAllowed,
      priceOf: () => ({ price: testPrice, version: 1 }),
      translationFor,
    },
    metering,
    output: { defaultMaxOutput: 4_096, leastOutput: 256 },
    images: createGuardedFetch({ isPlainHttpAllowed: true, ports: [80, 443] }),
    breakers: createBreakers(),
    unbilledTools: new Set(),
    shedding: createLoadShedding({ maxCalls: options.maxCalls ?? 10_000, lag: { ms: () => 0 } }),
    measure: (attempt) => health.record(measuredAttempt(attempt)),
    log,
  });
  const app = createApp({
    ...kept,
    money: createMoneyServices(db),
    chats: { ...kept, choosing: { catalogue, plan: calls.plan, performance: health, today: () => '2026-11-21' }, log },
    idempotency: createIdempotency({ store: createIdempotencyStore({ db }), notices: noNotices, log, waitMs: 10_000 }),
    log,
    build: { version: '1.2.3', commit: 'abc', contract: contractVersion },
    health: createHealthReporter({ environment: 'local', pingDatabase, natsStatus: () => 'disabled' }),
    verifyAssertion: options.verifyAssertion ?? (async (assertion) => principalOf(assertion)),
    catalogue,
    calls,
    providerHealth: health,
    healthChecks: createHealthChecks({ providers, book: health }),
  });
  return { app, logLines, health, metering };
}

/** In dollars: 1 for a million of input, 0.5 of cached input, 2 of output. */
const testPrice = { input: 1_000_000, cachedInput: 500_000, output: 2_000_000 };

/** Duplicates then notice by looking now and then. */
const noNotices = { listen: () => ({ stop: async () => undefined }) };

const generousLimits: CallLimits = {
  firstByteMs: 10_000,
  idleMs: 10_000,
  totalMs: 15_000,
  keepAliveMs: 10_000,
  heartbeatMs: 10_000,
  retries: 0,
  retryDelayMs: 1,
  maxRetryDelayMs: 5_000,
};
const known: readonly Scope[] = ['chat:read', 'chat:write', 'usage:read'];

function principalOf(assertion: string): Principal {
  const scopes = known.filter((scope) => assertion.split(' ').includes(scope));
  if (scopes.length === 0) return { kind: 'anonymous' };
  return { kind: 'user', userId: 'u1', keyId: 'k1', scopes, limits: {} };
}
