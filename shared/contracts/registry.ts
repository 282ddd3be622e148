import * as asset from './asset.ts';
import * as authAdmin from './auth-admin.ts';
import * as authAudit from './auth-audit.ts';
import * as authKeys from './auth-keys.ts';
import * as authPasswords from './auth-passwords.ts';
import * as auth from './auth.ts';
import * as authSessions from './auth-sessions.ts';
import * as chat from './chat.ts';
import type { Contract } from './contract.ts';
import * as platform from './platform.ts';
import * as tokenKeys from './token-keys.ts';

/** Every operation there is, of all services. A new contract file gets its line here. */
export const allContracts: readonly Contract[] = [
  platform,
  auth,
  authSessions,
  authPasswords,
  tokenKeys,
  authKeys,
  authAudit,
  authAdmin,
  chat,
  asset,
].flatMap((file) => Object.values(file).filter(isContract));

export function contractsOf(service: Contract['service']): readonly Contract[] {
  return allContracts.filter((contract) => contract.service === service);
}

function isContract(value: unknown): value is Contract {
  return typeof value === 'object' && value !== null && 'operation' in value && 'paths' in value;
}
