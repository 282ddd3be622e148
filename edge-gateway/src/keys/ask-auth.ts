import * as z from 'zod/mini';
import { contractVersion } from '#shared/contract-version.ts';
import { headerNames } from '#shared/http/headers.ts';
import type { Principal } from '#shared/identity/principal.ts';
import type { Assertions } from '../auth/assertion.ts';
import { cannotTell } from './key-store.ts';

export type AuthClient = { authUrl: string; assertions: Assertions; send: typeof fetch };

const gateway: Principal = { kind: 'gateway' };
const NotFoundSchema = z.object({ code: z.literal('not_found'), detail: z.string() });

/**
 * Asks the auth backend something as the gateway itself, and gives its answer in JSON. Null only for a 404 that says
 * `nothing`: any other may be of a proxy, of another service at this address, or of an auth without this path.
 */
export async function askAuth(client: AuthClient, path: string, init: RequestInit, nothing?: string): Promise<unknown> {
  const answer = await send(client, path, init);
  if (answer.ok) return await json(answer);
  if (nothing !== undefined && isNotFound(answer)) {
    const problem = NotFoundSchema.safeParse(await json(answer));
    if (problem.data?.detail === nothing) return null;
  }
  if (!answer.bodyUsed) await answer.body?.cancel();
  throw cannotTell(`auth answered ${answer.status}`);
}

/** Looked at before the body, which is not read where it is a page of somebody else's. */
function isNotFound({ status, headers }: Response): boolean {
  return status === 404 && headers.get('content-type')?.startsWith('application/problem+json') === true;
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
