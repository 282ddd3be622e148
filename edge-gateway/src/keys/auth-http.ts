import { noUsableKey, ResolvedKeySchema } from '#shared/identity/resolved-key.ts';
import { askAuth, type AuthClient } from './ask-auth.ts';
import { cannotTell, lookUpMs, type KeyStore } from './key-store.ts';

/** Asks the auth backend who a key belongs to. */
export function createAuthHttpKeyStore(client: AuthClient, timeoutMs: number = lookUpMs): KeyStore {
  return {
    find: async (keyHash) => {
      const body = JSON.stringify({ key_hash: keyHash });
      const init = { method: 'POST', body, signal: AbortSignal.timeout(timeoutMs) };
      const answer = await askAuth(client, '/internal/keys/resolve', init, noUsableKey);
      if (answer === undefined) return null;
      const resolved = ResolvedKeySchema.safeParse(answer);
      if (!resolved.success) throw cannotTell('auth answered in another shape');
      return resolved.data;
    },
  };
}
