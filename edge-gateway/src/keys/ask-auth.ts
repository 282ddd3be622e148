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
 * Asks the auth backend something as the gateway itself, and gives its answer in JSON. Undefined, which no JSON is,
 * only for a 404 that says `nothing`: any other may be of a proxy, of another service at this address, or of an auth
 * without this path.
 */
export async function askAuth(client: AuthClient, path: string, init: RequestInit, nothing?: string): Promise<unknown> {
  try {
    const answer = await send(client, path, init);
    if (answer.ok) return await answer.json();
    if (nothing !== undefined && (await detailOfNotFound(answer)) === nothing) return undefined;
    if (!answer.bodyUsed) await answer.body?.cancel();
    throw new Error(`auth answered ${answer.status}`);
  } catch (cause) {
    throw cannotTell(cause);
  }
}

async function send({ authUrl, assertions, send }: AuthClient, path: string, init: RequestInit): Promise<Response> {
  return await send(new URL(path, authUrl).href, {
    ...init,
    headers: {
      'content-type': 'application/json',
      [headerNames.assertion]: await assertions(gateway, 'auth'),
      [headerNames.contract]: String(contractVersion),
    },
  });
}

/** The body is read only where it is no page of somebody else's. */
async function detailOfNotFound(answer: Response): Promise<string | undefined> {
  if (answer.status !== 404) return undefined;
  if (!answer.headers.get('content-type')?.startsWith('application/problem+json')) return undefined;
  return NotFoundSchema.safeParse(await answer.json()).data?.detail;
}
