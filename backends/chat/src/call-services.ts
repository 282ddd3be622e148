import type { DatabaseConnection } from '#shared/db/connect.ts';
import { createNotices } from '#shared/db/notices.ts';
import { createGuardedFetch } from '#shared/guarded-fetch/guarded-fetch.ts';
import { createIdempotencyStore, endsChannel } from '#shared/idempotency/idempotency-store.ts';
import { createIdempotency, type Idempotency } from '#shared/idempotency/idempotency.ts';
import type { Logger } from '#shared/log.ts';
import { createBreakers } from './calls/breakers.ts';
import { createLoadShedding } from './calls/load-shedding.ts';
import { watchLoopLag } from './calls/loop-lag.ts';
import { createCalls, type Calls } from './calls/calls.ts';
import type { Catalogue } from './completion/catalogue.ts';
import type { ChatConfig } from './config.ts';
import { renewalsPerLease } from './conversations/held-leases.ts';
import { startBudgetBook } from './money/budget-book.ts';
import { createPricing } from './money/charged-price.ts';
import { createMetering } from './money/create-metering.ts';
import { startUpkeep } from './money/upkeep.ts';
import { measuredAttempt } from './performance/measured-call.ts';
import type { PerformanceBook } from './performance/performance-book.ts';
import { translationFor } from './protocols/index.ts';
import { isSelectionAllowed } from './selection/allowed-models.ts';
import { createBudgetReader } from './store/budget-store.ts';
import { createMeteringStore } from './store/metering-store.ts';
import { createMeteringUpkeep } from './store/metering-upkeep.ts';

export type CallServicesOptions = {
  config: ChatConfig;
  log: Logger;
  database: DatabaseConnection;
  catalogue: Catalogue;
  performance: PerformanceBook;
  /** Of the catalogue that cards come from. */
  priceVersion: number;
};

export type CallServices = {
  calls: Calls;
  idempotency: Idempotency;
  /** After the last request. */
  stop: () => Promise<void>;
};

/** A reservation outlives the longest call by so many leases, so that only those of dead processes are ever swept. */
const reservationLeases = 3;
/** What an answer must have room for to be worth beginning, for a caller who names no maximum. */
const leastOutput = 256;

/** Work that waits longer than this for the event loop would only be slowed by more of it. */
const maxLagMs = 500;

/** Everything behind a request that costs: who answers it, what it may cost, and that it happens once. */
export function createCallServices(options: CallServicesOptions): CallServices {
  const { config, log, database, catalogue, performance, priceVersion } = options;
  const { db, query } = database;
  const { limits } = config;
  const { CRASH_LEASE_SECONDS: crashSeconds } = config;
  const leaseSeconds = limits.totalMs / 1_000 + reservationLeases * crashSeconds;
  const book = startBudgetBook({ read: createBudgetReader(db), log });
  const metering = createMetering({ store: createMeteringStore({ query, leaseSeconds }), book, log });
  const upkeep = startUpkeep({
    ...createMeteringUpkeep({ db, retentionMonths: config.USAGE_RETENTION_MONTHS }),
    log,
  });
  const idempotency = createIdempotency({
    store: createIdempotencyStore({ db, leaseSeconds: crashSeconds }),
    notices: createNotices({ url: config.DATABASE_URL, channel: endsChannel, log }),
    log,
    waitMs: limits.totalMs,
    heartbeatMs: (crashSeconds * 1_000) / renewalsPerLease,
  });
  const lag = watchLoopLag();
  const calls = createCalls({
    limits,
    plan: {
      catalogue,
      fallbacks: config.CHAT_FALLBACKS,
      isAllowed: isSelectionAllowed,
      priceOf: createPricing({ priceVersion, unknownModelPrice: config.UNKNOWN_MODEL_PRICE }),
      translationFor,
    },
    metering,
    unbilledTools: config.UNBILLED_VENDOR_TOOLS,
    output: { defaultMaxOutput: config.DEFAULT_MAX_OUTPUT_TOKENS, leastOutput },
    images: createGuardedFetch({ isPlainHttpAllowed: isDevelopment(config), ports: [80, 443] }),
    breakers: createBreakers(),
    shedding: createLoadShedding({ maxCalls: config.MAX_CONCURRENT_CALLS, maxLagMs, lag }),
    measure: (attempt) => performance.record(measuredAttempt(attempt)),
    log,
  });
  return {
    calls,
    idempotency,
    stop: async () => {
      lag.stop();
      await Promise.all([idempotency.close(), upkeep.stop()]);
      await metering.close();
    },
  };
}

function isDevelopment({ ENVIRONMENT }: ChatConfig): boolean {
  return ENVIRONMENT === 'local' || ENVIRONMENT === 'dev';
}
