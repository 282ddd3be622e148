import { RevocationFeedSchema, type RevocationFeed } from '#shared/identity/revocation-feed.ts';
import { askAuth, type AuthClient } from './ask-auth.ts';
import { cannotTell } from './key-store.ts';
import { attemptMs } from './revocations.ts';

/** Reads the feed from the auth backend, which answers from memory. */
export async function readRevocations(client: AuthClient, after: number | null): Promise<RevocationFeed> {
  const answer = await askAuth(client, `/internal/revocations${after === null ? '' : `?after=${after}`}`, {
    signal: AbortSignal.timeout(attemptMs),
  });
  const feed = RevocationFeedSchema.safeParse(answer);
  if (!feed.success) throw cannotTell('auth answered in another shape');
  return feed.data;
}
