import { waitUntil } from 'cloudflare:workers';
import type { Config } from '../config.ts';
import { createKeyCache } from '../keys/key-cache.ts';
import { createKeyStore } from '../keys/create-key-store.ts';
import { readRevocations } from '../keys/read-revocations.ts';
import { createRevocations } from '../keys/revocations.ts';
import type { Assertions } from './assertion.ts';
import type { Identities } from './authenticate.ts';
import { createCredentialHashes } from './credential-hashes.ts';
import { createTokenVerifier } from './jwt.ts';
import { createTokenIssuers } from './token-issuers.ts';

export type IdentitiesOptions = { config: Config; assertions: Assertions; send: typeof fetch };

/** Wires what tells who a caller is: keys, tokens, and what of both was revoked. */
export function createIdentities({ config, assertions, send }: IdentitiesOptions): Identities {
  const auth = { authUrl: config.AUTH_SERVICE_URL, assertions, send };
  const revocations = createRevocations({
    read: (after) => readRevocations(auth, after),
    graceSeconds: config.REVOCATION_GRACE_SECONDS,
  });
  const issuers = createTokenIssuers({ config, assertions, send, background: (work) => waitUntil(work) });
  return {
    revocations,
    hashes: createCredentialHashes(),
    keys: createKeyCache({ store: createKeyStore(config, auth), revocations }),
    tokens: createTokenVerifier({ issuers, revocations }),
  };
}
