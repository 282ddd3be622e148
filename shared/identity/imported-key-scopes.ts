import type { Scope } from './principal.ts';

/**
 * What a key imported from an older system may do (`api_keys.scopes` is null): all that a user does, but neither
 * administer nor make new keys, because such keys were kept in the clear there.
 */
export const importedKeyScopes: readonly Scope[] = [
  'chat:write',
  'chat:read',
  'assets:write',
  'assets:read',
  'usage:read',
];
