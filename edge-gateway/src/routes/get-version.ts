import { contractVersion } from '#shared/contract-version.ts';
import { version } from '../../../package.json';
import type { Deps } from '../deps.ts';
import { jsonAnswer, type Responder } from '../edge.ts';

/** `deployment` is what `wrangler rollback` takes; it is absent where no Cloudflare deployed us. */
export function getVersion({ config, deployment }: Deps): Responder {
  const running = { service: 'gateway', version, commit: config.GIT_COMMIT, contract: contractVersion, deployment };
  return () => jsonAnswer(running);
}
