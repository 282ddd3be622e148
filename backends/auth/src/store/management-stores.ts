import type { Database } from '#shared/db/connect.ts';
import type { AuditReader } from '../audit/audit-log.ts';
import type { KeyVault } from '../keys/key-vault.ts';
import type { UserDirectory } from '../users/manage-users.ts';
import { createAuditReader } from './audit-repository.ts';
import { createKeyVault } from './key-vault.ts';
import { createUserDirectory } from './user-directory.ts';

export type ManagementStores = { vault: KeyVault; users: UserDirectory; audit: AuditReader };

/** What people manage through the API, in Postgres. */
export function createManagementStores(db: Database): ManagementStores {
  return { vault: createKeyVault(db), users: createUserDirectory(db), audit: createAuditReader(db) };
}
