import type { RequestIdVariables } from '#shared/http/request-id.ts';
import type { Timings } from './timings.ts';

/** What Hono knows of a request at the edge. */
export type GatewayEnv = { Variables: RequestIdVariables & { timings: Timings } };
