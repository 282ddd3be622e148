import type { HttpBindings } from '@hono/node-server';
import type { RequestIdVariables } from '../http/request-id.ts';
import type { Principal } from '../identity/principal.ts';

/** What Hono knows of a request in every backend. `incoming` is absent when a test calls the app in process. */
export type ServiceEnv = {
  Bindings: Partial<HttpBindings>;
  Variables: RequestIdVariables & {
    principal: Principal;
    /** By the clock of `performance`. */
    startedAt: number;
  };
};
