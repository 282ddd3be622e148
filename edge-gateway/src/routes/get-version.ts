import { contractVersion } from '#shared/contract-version.ts';
import { version } from '../../../package.json';
import type { Config } from '../config.ts';
import { jsonAnswer, type Responder } from '../edge.ts';

export function getVersion(config: Config): Responder {
  return () => jsonAnswer({ service: 'gateway', version, commit: config.GIT_COMMIT, contract: contractVersion });
}
