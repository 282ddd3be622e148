import { hashApiKey, isPlausibleApiKey } from '#shared/identity/api-key.ts';
import { resolveKey, type KeyRepository } from '../keys/resolve-key.ts';
import type { SessionRepository } from '../sessions/session-repository.ts';
import type { AccessTokens } from './access-tokens.ts';

export type CredentialSources = {
  keys: KeyRepository;
  tokens: Pick<AccessTokens, 'read'>;
  sessions: Pick<SessionRepository, 'isLive'>;
};

export type Shown = { token?: string | null | undefined; api_key?: string | null | undefined };

export type Validation = {
  isValid: boolean;
  kind: 'jwt' | 'api_key' | 'none';
  userId: string | null;
  error: string | null;
};

/** Judges credentials as the edge would, but against the database as it is now. Of two, both must be one user's. */
export async function validateCredential(sources: CredentialSources, shown: Shown, now: Date): Promise<Validation> {
  const kind = kindOf(shown);
  if (kind === 'none') return { isValid: false, kind, userId: null, error: 'No credential was given' };
  const owners = await Promise.all([
    ...(shown.token ? [ownerOfToken(sources, shown.token)] : []),
    ...(shown.api_key ? [ownerOfKey(sources, shown.api_key, now)] : []),
  ]);
  const [userId = null] = owners;
  const isValid = userId !== null && owners.every((owner) => owner === userId);
  if (!isValid) return { isValid, kind, userId: null, error: 'Could not validate credentials' };
  return { isValid, kind, userId, error: null };
}

function kindOf({ token, api_key: key }: Shown): Validation['kind'] {
  if (token) return 'jwt';
  return key ? 'api_key' : 'none';
}

async function ownerOfToken({ tokens, sessions }: CredentialSources, token: string): Promise<string | null> {
  const subject = await tokens.read(token);
  return subject && (await sessions.isLive(subject)) ? subject.userId : null;
}

async function ownerOfKey({ keys }: CredentialSources, key: string, now: Date): Promise<string | null> {
  if (!isPlausibleApiKey(key)) return null;
  const resolved = await resolveKey(keys, await hashApiKey(key), now);
  return resolved?.principal.userId ?? null;
}
