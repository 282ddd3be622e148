import { scopes, type Scope } from '#shared/identity/principal.ts';
import type { Account } from './account.ts';

/** `required`: an account may do nothing but look at itself until a mailbox has confirmed its address. */
export const confirmationRules = ['required', 'optional'] as const;
export type ConfirmationRule = (typeof confirmationRules)[number];

export type ConfirmationConfig = { ENVIRONMENT: string; EMAIL_CONFIRMATION?: ConfirmationRule | undefined };

/** On a developer's machine nobody has to read mails, unless asked to. */
export function confirmationRuleFor({ ENVIRONMENT, EMAIL_CONFIRMATION }: ConfirmationConfig): ConfirmationRule {
  return EMAIL_CONFIRMATION ?? (ENVIRONMENT === 'local' ? 'optional' : 'required');
}

const userScopes = scopes.filter((scope) => scope !== 'admin');

/** What a session may do. Read anew at every refresh, so a change reaches a session within the life of a token. */
export function sessionScopes({ role, isConfirmed }: Account, rule: ConfirmationRule): readonly Scope[] {
  if (rule === 'required' && !isConfirmed) return [];
  return role === 'admin' ? scopes : userScopes;
}
