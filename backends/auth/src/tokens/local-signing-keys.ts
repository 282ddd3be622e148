import { generateKeyPairSync } from 'node:crypto';
import { newId } from '#shared/id.ts';
import type { Logger } from '#shared/log.ts';
import type { SigningKey } from './signing-keys.ts';

export type SigningKeysInput = { configured: readonly SigningKey[]; environment: string; log: Logger };

/**
 * The configured keys; on a developer's machine without any, one that lives as long as the process. Sessions outlive
 * it (refresh tokens are in the database), access tokens do not. Anywhere else nothing is made up: no key, no sessions.
 */
export function signingKeysFor({ configured, environment, log }: SigningKeysInput): readonly SigningKey[] {
  if (configured.length > 0) return configured;
  if (environment !== 'local') {
    log.warn('TOKEN_SIGNING_KEYS is not set, so nobody can log in here');
    return [];
  }
  log.info('TOKEN_SIGNING_KEYS is not set: access tokens end with this process');
  return [{ kid: newId('local'), algorithm: 'EdDSA', privateKey: generateKeyPairSync('ed25519').privateKey }];
}
