import type { Handler } from 'hono';
import { contractVersion } from '#shared/contract-version.ts';
import { version } from '../../../package.json';
import type { Config } from '../config.ts';
import type { GatewayEnv } from '../gateway-env.ts';

export function getVersion(config: Config): Handler<GatewayEnv> {
  return (c) => c.json({ service: 'gateway', version, commit: config.GIT_COMMIT, contract: contractVersion });
}
