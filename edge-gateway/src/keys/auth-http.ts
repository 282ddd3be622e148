import { ResolvedKeySchema } from '#shared/identity/resolved-key.ts';
import { askAuth, type AuthClient } from './ask-auth.ts';
import { cannotTell, lookUpMs, type KeyStore } from './key-store.ts';

/** Asks the auth backend who a key belongs to. */
export function createAuthHttpKeyStore(client: AuthClient, timeoutMs: number = lookUpMs): KeyStore {
  return {
    find: async (keyHash) => {
      const answer = await askAuth(client, '/internal/keys/resolve', {
        method: 'POST',
        body: JSON.stringify({ key_hash: keyHash }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (answer === null) return null;
      const resolved = ResolvedKeySchema.safeParse(answer);
      if (!resolved.success) throw cannotTell('auth answered in another shape');
      return resolved.data;
    },
  };
}
