import type { Logger } from '#shared/log.ts';
import type { Assertions } from './auth/assertion.ts';
import type { Identities } from './auth/authenticate.ts';
import type { Config } from './config.ts';
import type { Limits } from './limits/limits.ts';
import type { Upstreams } from './upstreams/table.ts';

/** All that the app needs from outside itself; made in worker.ts, replaced in tests. */
export type Deps = {
  config: Config;
  log: Logger;
  assertions: Assertions;
  identities: Identities;
  limits: Limits;
  /** Cloudflare's id of the running version of this Worker. */
  deployment?: string | undefined;
  upstreams: Upstreams;
  /** The only way out: `fetch`, called so that no receiver is lost. */
  send: typeof fetch;
};
