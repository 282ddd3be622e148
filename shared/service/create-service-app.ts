import { Hono } from 'hono';
import type { Contract } from '../contracts/contract.ts';
import { onError } from '../http/on-error.ts';
import type { AssertionVerifier } from '../identity/assertion-verify.ts';
import type { ServiceName } from '../identity/assertion.ts';
import type { Logger } from '../log.ts';
import { authenticate } from './authenticate.ts';
import type { BuildInfo } from './build-info.ts';
import type { HealthReporter } from './health.ts';
import { frame } from './frame.ts';
import { LiteralRouter } from './literal-router.ts';
import { onUnmatched } from './on-unmatched.ts';
import type { ServiceEnv } from './service-env.ts';

export type ServiceAppOptions = {
  service: ServiceName;
  log: Logger;
  build: BuildInfo;
  health: HealthReporter;
  verifyAssertion: AssertionVerifier;
  /** Every contract this app serves, so that a wrong method can be told from a wrong path. */
  contracts: readonly Contract[];
  /** Hears of every request that came by a key. */
  keyUsed?: (keyId: string) => void;
};

/** The middleware order and the open routes that all three backends share; each adds its own routes to the result. */
export function createServiceApp(options: ServiceAppOptions): Hono<ServiceEnv> {
  const { health, log, build } = options;
  const app = new Hono<ServiceEnv>({ router: new LiteralRouter() });
  app.onError(onError(log));
  app.notFound(onUnmatched(options.contracts));

  app.use(frame(log));

  app.get('/health', async (c) => {
    const report = await health.report();
    return c.json({ service: options.service, ...build, ...report }, report.status === 'unhealthy' ? 503 : 200);
  });
  app.get('/ready', async (c) => {
    const ready = await health.ready();
    return c.json({ status: ready ? 'ready' : 'not_ready' }, ready ? 200 : 503);
  });
  app.get('/version', (c) => c.json({ service: options.service, ...build }));

  app.use(authenticate(options.verifyAssertion, options.keyUsed));
  return app;
}
