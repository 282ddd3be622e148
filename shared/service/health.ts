import type { BusStatus } from '../events/bus.ts';

/** `degraded`: something optional is away. `unhealthy`: requests fail. */
export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy';

export type DatabaseHealth = { status: 'connected' | 'unavailable'; response_time_ms: number };

export type HealthReport = {
  status: HealthStatus;
  timestamp: string;
  environment: string;
  database: DatabaseHealth;
  nats: { status: BusStatus };
} & Record<string, unknown>;

export type HealthReporter = {
  report: () => Promise<HealthReport>;
  ready: () => Promise<boolean>;
  /** From now on `/ready` answers 503, so that no new traffic comes while the last streams finish. */
  drain: () => void;
};

export type HealthSources = {
  environment: string;
  /** Really queries the database; rejects when it is away. Bounded in time by the caller's deadline below. */
  pingDatabase: () => Promise<void>;
  natsStatus: () => BusStatus;
  /** What only one backend has, such as its providers. */
  details?: () => Record<string, unknown>;
  /** Whether something optional that only one backend has is away, such as one of its providers. */
  degraded?: () => boolean;
};

const deadlineMs = 800;

/** Reports what was really found, within the 800 ms that leave the gateway's health deadline some room. */
export function createHealthReporter(sources: HealthSources): HealthReporter {
  let draining = false;
  return {
    drain: () => {
      draining = true;
    },
    ready: async () => !draining && (await pinged(sources)).status === 'connected',
    report: async () => {
      const database = await pinged(sources);
      const nats = sources.natsStatus();
      return {
        status: statusOf(database, nats, sources.degraded?.() ?? false),
        timestamp: new Date().toISOString(),
        environment: sources.environment,
        database,
        nats: { status: nats },
        ...sources.details?.(),
      };
    },
  };
}

async function pinged({ pingDatabase }: HealthSources): Promise<DatabaseHealth> {
  const startedAt = performance.now();
  const alive = await Promise.race([
    pingDatabase().then(
      () => true,
      () => false,
    ),
    expired(),
  ]);
  const responseTime = Math.round((performance.now() - startedAt) * 10) / 10;
  return { status: alive ? 'connected' : 'unavailable', response_time_ms: responseTime };
}

function expired(): Promise<false> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(false), deadlineMs).unref();
  });
}

function statusOf(database: DatabaseHealth, nats: BusStatus, degraded: boolean): HealthStatus {
  if (database.status === 'unavailable') return 'unhealthy';
  return degraded || nats === 'unavailable' ? 'degraded' : 'healthy';
}
