import { contractsOf } from '#shared/contracts/registry.ts';
import * as contracts from '#shared/contracts/auth-sessions.ts';
import { contractVersion } from '#shared/contract-version.ts';
import { connect } from '#shared/db/connect.ts';
import { createAssertionVerifier } from '#shared/identity/assertion-verify.ts';
import { scopes, type Principal, type UserPrincipal } from '#shared/identity/principal.ts';
import { createLogger } from '#shared/log.ts';
import { createServiceApp } from '#shared/service/create-service-app.ts';
import { createHealthReporter } from '#shared/service/health.ts';
import { decodeJwt } from 'jose';
import * as z from 'zod';
import { createTestIdentity } from './assertions.ts';
import { startFakeGotrue } from './fake-gotrue.ts';
import { createTestDatabase, queryRows } from './postgres.ts';
import { createKeyRoute } from '../../backends/auth/src/routes/create-key.ts';
import { identityRoutes } from '../../backends/auth/src/routes/identity-routes.ts';
import { createManagementStores } from '../../backends/auth/src/store/management-stores.ts';
import { createSupabaseIdentity, type SupabaseIdentityOptions } from '../../backends/auth/src/supabase-identity.ts';
import { createSigningKey, testAccountLimits } from '../../backends/auth/src/testing/embedded.ts';

const SignedInSchema = z.object({ user: contracts.UserSchema, session: contracts.SessionSchema });

export type SupabaseApp = Awaited<ReturnType<typeof createSupabaseApp>>;
type Options = Partial<SupabaseIdentityOptions> & { autoconfirm?: boolean };

/** Accounts at a fake Supabase, keys in a database of their own, called as the gateway would. */
export async function createSupabaseApp({ autoconfirm = false, ...options }: Options = {}) {
  const database = await createTestDatabase();
  const gotrue = await startFakeGotrue({ autoconfirm });
  const logLines: string[] = [];
  const log = createLogger({ service: 'auth', level: 'debug', write: (line) => void logLines.push(line) });
  const { db, ping, close } = connect({ url: database.url, poolSize: 8, log });
  const gateway = await createTestIdentity();
  const { url, anonKey, jwtSecret } = gotrue;
  const signingKeys = [createSigningKey('test')];
  const basics = { db, log, url, anonKey, jwtSecret, signingKeys, limits: testAccountLimits(), floorMs: 0 };
  const identity = createSupabaseIdentity({ ...basics, timeoutMs: 1_000, ...options });
  const app = createServiceApp({
    service: 'auth',
    contracts: contractsOf('auth'),
    log,
    build: { version: '1.0.0', commit: 'test', contract: contractVersion },
    health: createHealthReporter({ environment: 'local', pingDatabase: ping, natsStatus: () => 'disabled' }),
    verifyAssertion: createAssertionVerifier(gateway.publicKeys, 'auth'),
  });
  identityRoutes(app, identity);
  createKeyRoute(app, { vault: createManagementStores(db).vault, environment: 'dev', now: () => new Date() });

  async function call(method: string, path: string, body?: unknown, principal: Principal = { kind: 'anonymous' }) {
    const answer = await app.request(`/api/v1/${path}`, {
      method,
      headers: {
        ...(await gateway.headers(principal, 'auth')),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text, json: (): unknown => JSON.parse(text) };
  }

  return {
    gotrue,
    db,
    identity,
    logLines,
    call,
    logIn: async (email: string, password: string) =>
      SignedInSchema.parse((await call('POST', 'auth/login', { email, password })).json()),
    rows: async (text: string, values: unknown[] = []) => await queryRows(database.url, text, values),
    close: async () => {
      await identity.close();
      await gotrue.close();
      await close();
      await database.drop();
    },
  };
}

/** Whom the edge would tell us of for this token of Supabase. */
export function principalIn(accessToken: string): UserPrincipal {
  const { sub, session_id } = z.object({ sub: z.string(), session_id: z.string() }).parse(decodeJwt(accessToken));
  const granted = scopes.filter((scope) => scope !== 'admin');
  return { kind: 'user', userId: sub, keyId: null, sessionId: session_id, scopes: granted, limits: {} };
}
