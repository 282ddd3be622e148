import { contractVersion } from '#shared/contract-version.ts';
import { headerNames } from '#shared/http/headers.ts';
import type { Principal } from '#shared/identity/principal.ts';
import type { Assertions } from '../auth/assertion.ts';
import { cannotTell } from './key-store.ts';

export type AuthClient = { authUrl: string; assertions: Assertions; send: typeof fetch };

const gateway: Principal = { kind: 'gateway' };

/** Asks the auth backend something as the gateway itself, and gives its answer in JSON; null for 404. */
export async function askAuth(client: AuthClient, path: string, init: RequestInit): Promise<unknown> {
  const answer = await send(client, path, init);
  if (answer.ok) return await json(answer);
  await answer.body?.cancel();
  if (answer.status === 404) return null;
  throw cannotTell(`auth answered ${answer.status}`);
}

async function send({ authUrl, assertions, send }: AuthClient, path: string, init: RequestInit): Promise<Response> {
  try {
    return await send(new URL(path, authUrl).href, {
      ...init,
      headers: {
        'content-type': 'application/json',
        [headerNames.assertion]: await assertions(gateway, 'auth'),
        [headerNames.contract]: String(contractVersion),
      },
    });
  } catch (cause) {
    throw cannotTell(cause);
  }
}

async function json(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch (cause) {
    throw cannotTell(cause);
  }
}
