import type { Config } from '../config.ts';
import type { AuthClient } from './ask-auth.ts';
import { createAuthHttpKeyStore } from './auth-http.ts';
import { createFallbackKeyStore } from './fallback.ts';
import type { KeyStore } from './key-store.ts';
import { createNeonHttpKeyStore } from './neon-http.ts';

type Choice = Pick<Config, 'KEY_STORE' | 'KEY_STORE_FALLBACK' | 'DATABASE_URL' | 'NEON_HTTP_ENDPOINT'>;

/** The store that the configuration names, and the other behind it where it names two. */
export function createKeyStore(config: Choice, auth: AuthClient): KeyStore {
  const make = {
    'auth-http': () => createAuthHttpKeyStore(auth),
    'neon-http': () =>
      createNeonHttpKeyStore({
        databaseUrl: config.DATABASE_URL ?? '',
        endpoint: config.NEON_HTTP_ENDPOINT,
        send: auth.send,
      }),
  };
  const first = make[config.KEY_STORE]();
  return config.KEY_STORE_FALLBACK ? createFallbackKeyStore(first, make[config.KEY_STORE_FALLBACK]()) : first;
}
