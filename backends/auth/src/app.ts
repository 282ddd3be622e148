import type { Hono } from 'hono';
import { contractsOf } from '#shared/contracts/registry.ts';
import { createServiceApp, type ServiceAppOptions } from '#shared/service/create-service-app.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import type { ApiReference } from './docs/api-reference.ts';
import type { AuditReader } from './audit/audit-log.ts';
import type { KeyManagement } from './keys/manage-keys.ts';
import type { Identity } from './embedded-identity.ts';
import type { KeyRepository } from './keys/resolve-key.ts';
import { changeKeyRoute } from './routes/change-key.ts';
import { changeUserRoute } from './routes/change-user.ts';
import { createKeyRoute } from './routes/create-key.ts';
import { createUserRoute } from './routes/create-user.ts';
import { exchangeKeyRoute } from './routes/exchange-key.ts';
import { getDocsRoute } from './routes/get-docs.ts';
import { getKeyRoute } from './routes/get-key.ts';
import { getOpenApiDocumentRoute } from './routes/get-open-api-document.ts';
import { getRevocationsRoute } from './routes/get-revocations.ts';
import { getTokenKeysRoute } from './routes/get-token-keys.ts';
import { getUserRoute } from './routes/get-user.ts';
import { identityRoutes } from './routes/identity-routes.ts';
import { listAuditRoute } from './routes/list-audit.ts';
import { listKeysRoute } from './routes/list-keys.ts';
import { listUsersRoute } from './routes/list-users.ts';
import { resolveKeyRoute } from './routes/resolve-key.ts';
import { revokeKeyRoute } from './routes/revoke-key.ts';
import { rotateKeyRoute } from './routes/rotate-key.ts';
import type { RunningRevocationFeed } from './revocations/revocation-feed.ts';
import { createAccessTokens } from './tokens/access-tokens.ts';
import type { SigningKey } from './tokens/signing-keys.ts';
import type { UserDirectory } from './users/manage-users.ts';

export type Services = Omit<ServiceAppOptions, 'service' | 'contracts'> & {
  keys: KeyRepository;
  vault: KeyManagement['vault'];
  keyEnvironment: KeyManagement['environment'];
  users: UserDirectory;
  audit: AuditReader;
  revocations: Pick<RunningRevocationFeed, 'after'>;
  reference: ApiReference;
  signingKeys: readonly SigningKey[];
  identity: Identity;
};

export function createApp(services: Services): Hono<ServiceEnv> {
  const app = createServiceApp({ ...services, service: 'auth', contracts: contractsOf('auth') });
  const management = { vault: services.vault, environment: services.keyEnvironment, now: () => new Date() };

  resolveKeyRoute(app, services.keys);
  getRevocationsRoute(app, services.revocations);
  getTokenKeysRoute(app, services.signingKeys);

  identityRoutes(app, services.identity);

  listKeysRoute(app, services.vault);
  createKeyRoute(app, management);
  getKeyRoute(app, services.vault);
  changeKeyRoute(app, management);
  rotateKeyRoute(app, management);
  revokeKeyRoute(app, management);
  exchangeKeyRoute(app, { ...management, tokens: createAccessTokens(services.signingKeys) });

  listAuditRoute(app, services.audit);
  listUsersRoute(app, services.users);
  createUserRoute(app, services.users, services.identity.provider.passwords);
  getUserRoute(app, services.users);
  changeUserRoute(app, services.users);

  getOpenApiDocumentRoute(app, services.reference);
  getDocsRoute(app, services.reference);
  return app;
}
