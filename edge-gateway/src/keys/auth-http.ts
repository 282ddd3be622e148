import { contractVersion } from '#shared/contract-version.ts';
import { AppError } from '#shared/http/error.ts';
import { headerNames } from '#shared/http/headers.ts';
import { ResolvedKeySchema } from '#shared/identity/resolved-key.ts';
import type { Assertions } from '../auth/assertion.ts';
import type { KeyStore } from './key-store.ts';

export type AuthHttpOptions = { authUrl: string; assertions: Assertions; send: typeof fetch; timeoutMs?: number };

/** Asks the auth backend, as the gateway itself. */
export function createAuthHttpKeyStore({ authUrl, assertions, send, timeoutMs = 3_000 }: AuthHttpOptions): KeyStore {
  const url = new URL('/internal/keys/resolve', authUrl).href;
  return {
    find: async (keyHash) => {
      const answer = await ask(send, url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          [headerNames.assertion]: await assertions({ kind: 'gateway' }, 'auth'),
          [headerNames.contract]: String(contractVersion),
        },
        body: JSON.stringify({ key_hash: keyHash }),
        signal: AbortSignal.timeout(timeoutMs),
      });
      if (answer.status === 404) {
        await answer.body?.cancel();
        return null;
      }
      return await resolvedKey(answer);
    },
  };
}

async function ask(send: typeof fetch, url: string, init: RequestInit): Promise<Response> {
  try {
    return await send(url, init);
  } catch (cause) {
    throw cannotTell(cause);
  }
}

async function resolvedKey(answer: Response) {
  if (!answer.ok) {
    await answer.body?.cancel();
    throw cannotTell(`auth answered ${answer.status}`);
  }
  const resolved = ResolvedKeySchema.safeParse(await answer.json().catch(() => undefined));
  if (!resolved.success) throw cannotTell('auth answered in another shape');
  return resolved.data;
}

function cannotTell(cause: unknown): AppError {
  return new AppError('unavailable', 'Credentials cannot be checked right now', { cause });
}
