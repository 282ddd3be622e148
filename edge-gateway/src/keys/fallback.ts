import { AppError } from '#shared/http/error.ts';
import type { KeyStore } from './key-store.ts';

/** Asks the second store where the first cannot tell. Only then: a key that the first does not know is unknown. */
export function createFallbackKeyStore(first: KeyStore, second: KeyStore): KeyStore {
  return {
    find: async (keyHash) => {
      try {
        return await first.find(keyHash);
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'unavailable') throw error;
        return await second.find(keyHash);
      }
    },
  };
}
