import { version } from '../../../package.json';
import type { Deps } from '../deps.ts';
import { jsonAnswer, type Responder } from '../edge.ts';
import { platformHealth } from '../upstreams/health.ts';
import { refuseOwnRequest } from '../upstreams/own-hop.ts';

/** The truth about the platform: 503 when requests fail, 200 with `degraded` when something optional is away. */
export function getHealth({ config, upstreams, send }: Deps): Responder {
  return async ({ raw }) => {
    refuseOwnRequest(raw.headers);
    const { status, ...found } = await platformHealth(upstreams, send);
    const report = { status, timestamp: new Date().toISOString(), version, environment: config.ENVIRONMENT, ...found };
    return jsonAnswer(report, status === 'unhealthy' ? 503 : 200);
  };
}
