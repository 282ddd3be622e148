import packageJson from '../../package.json' with { type: 'json' };
import { contractVersion } from '../contract-version.ts';

export type BuildInfo = { version: string; commit: string; contract: number };

/** What a deployable says of itself on `/version`. */
export function buildInfo(commit: string): BuildInfo {
  return { version: packageJson.version, commit, contract: contractVersion };
}
