import type { Account } from './account.ts';
import type { SignedIn } from './identity-provider.ts';

/** An account as its owner sees it. Fields are named one by one, so that a new column shows nowhere by itself. */
export function accountAnswer({ id, email, name, role, isConfirmed, createdAt, updatedAt }: Account) {
  return {
    id,
    email,
    name,
    role,
    email_confirmed: isConfirmed,
    created_at: createdAt.toISOString(),
    updated_at: updatedAt.toISOString(),
  };
}

export function signedInAnswer({ account, session }: SignedIn) {
  return {
    user: accountAnswer(account),
    session: {
      access_token: session.accessToken,
      refresh_token: session.refreshToken,
      expires_in: session.expiresInSeconds,
      token_type: 'bearer' as const,
    },
  };
}
