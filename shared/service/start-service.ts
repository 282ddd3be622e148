import type { Hono } from 'hono';
import type { z } from 'zod';
import { connect, type DatabaseConnection } from '../db/connect.ts';
import { saveKeyUses } from '../db/key-uses.ts';
import { connectBus, type Bus } from '../events/bus.ts';
import { createAssertionVerifier } from '../identity/assertion-verify.ts';
import type { ServiceName } from '../identity/assertion.ts';
import type { Logger } from '../log.ts';
import { buildInfo } from './build-info.ts';
import type { ServiceAppOptions } from './create-service-app.ts';
import type { serviceEnvironment } from './environment.ts';
import { createHealthReporter } from './health.ts';
import { createLastUse } from './last-use.ts';
import type { RunningService } from './run-service.ts';
import { serve } from './serve.ts';
import type { ServiceEnv } from './service-env.ts';

export type ServiceParts = Omit<ServiceAppOptions, 'service' | 'contracts'> & {
  database: DatabaseConnection;
  bus: Bus;
  /** Ends something that `createApp` started, after the last request and before the database is closed. */
  onStop: (end: () => Promise<void>) => void;
};

export type StartServiceOptions = {
  service: ServiceName;
  config: z.output<z.ZodObject<typeof serviceEnvironment>>;
  log: Logger;
  createApp: (parts: ServiceParts) => Hono<ServiceEnv>;
  /** What this backend's health says beyond database and NATS. */
  healthDetails?: () => Record<string, unknown>;
  /** Whether something optional of its own is away. */
  healthDegraded?: () => boolean;
  /** Ends what `createApp` opened, after the last request. */
  close?: () => Promise<void>;
};

/**
 * What all three backends do around their app: connect (waiting for nobody), serve, announce, and on stop turn
 * readiness off, let streams finish within the drain limit, then close in the reverse order.
 */
export async function startService(options: StartServiceOptions): Promise<RunningService> {
  const { service, config, log } = options;
  const database = connect({ url: config.DATABASE_URL, poolSize: config.DATABASE_POOL_SIZE, log });
  const bus = connectBus({ url: config.NATS_URL, subjectPrefix: config.NATS_SUBJECT_PREFIX, service, log });
  const build = buildInfo(config.GIT_COMMIT);
  const health = createHealthReporter({
    environment: config.ENVIRONMENT,
    pingDatabase: database.ping,
    natsStatus: bus.status,
    ...(options.healthDetails && { details: options.healthDetails }),
    ...(options.healthDegraded && { degraded: options.healthDegraded }),
  });
  const verifyAssertion = createAssertionVerifier(config.GATEWAY_PUBLIC_KEYS, service);
  const ends: (() => Promise<void>)[] = [];
  const onStop: ServiceParts['onStop'] = (end) => void ends.push(end);
  const lastUse = createLastUse({ save: saveKeyUses(database.db), log });
  onStop(lastUse.stop);
  const keyUsed: ServiceParts['keyUsed'] = (keyId) => lastUse.mark(keyId, new Date());
  const app = options.createApp({ log, build, health, verifyAssertion, keyUsed, database, bus, onStop });
  const listening = await serve({ app, host: config.HOST, port: config.PORT, log });
  bus.onStatus((status) => {
    if (status === 'connected') bus.publish('gaia.service.ready', { service, ...build });
  });
  return {
    stop: async () => {
      health.drain();
      await listening.close(config.DRAIN_SECONDS * 1_000);
      await Promise.all(ends.map((end) => end()));
      await options.close?.();
      await bus.close();
      await database.close();
    },
  };
}
