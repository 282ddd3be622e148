import { scopes, type Scope } from '#shared/identity/principal.ts';
import type { Account } from './account.ts';

/** `required`: an account may do nothing but look at itself until a mailbox has confirmed its address. */
export const confirmationRules = ['required', 'optional'] as const;
export type ConfirmationRule = (typeof confirmationRules)[number];

const userScopes = scopes.filter((scope) => scope !== 'admin');

/** What a session may do. Read anew at every refresh, so a change reaches a session within the life of a token. */
export function sessionScopes({ role, isConfirmed }: Account, rule: ConfirmationRule): readonly Scope[] {
  if (rule === 'required' && !isConfirmed) return [];
  return role === 'admin' ? scopes : userScopes;
}
