import { hashApiKey } from '#shared/identity/api-key.ts';
import { createBoundedCache } from '../bounded-cache.ts';

/**
 * The hashes of credentials that were good, so that a caller who comes again costs no digest and nothing to wait for.
 * They are kept by their text, in this isolate's memory only, through which every one of them passes anyway; what is
 * not known to be good is never kept. A hash says nothing about whether the credential still is good.
 */
export type CredentialHashes = {
  known: (credential: string) => string | undefined;
  remember: (credential: string) => Promise<void>;
  /** How many are held. */
  size: () => number;
};

const limit = 10_000;

export function createCredentialHashes(): CredentialHashes {
  const hashes = createBoundedCache<string>(limit);
  return {
    known: hashes.get,
    remember: async (credential) => hashes.set(credential, await hashApiKey(credential)),
    size: hashes.size,
  };
}
