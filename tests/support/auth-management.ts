import type { Hono } from 'hono';
import * as z from 'zod';
import { contractVersion } from '#shared/contract-version.ts';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { saveKeyUses } from '#shared/db/key-uses.ts';
import { users } from '#shared/db/schema.ts';
import { hashApiKey } from '#shared/identity/api-key.ts';
import { createAssertionVerifier } from '#shared/identity/assertion-verify.ts';
import { scopes, type Principal, type UserPrincipal } from '#shared/identity/principal.ts';
import { ResolvedKeySchema, type ResolvedKey } from '#shared/identity/resolved-key.ts';
import { randomBase62 } from '#shared/id.ts';
import { createLogger, type Logger } from '#shared/log.ts';
import { createHealthReporter } from '#shared/service/health.ts';
import { createLastUse, type LastUse } from '#shared/service/last-use.ts';
import type { ServiceEnv } from '#shared/service/service-env.ts';
import { createTestIdentity, type TestIdentity } from './assertions.ts';
import { createTestDatabase } from './postgres.ts';
import { createApp } from '../../backends/auth/src/app.ts';
import { createApiReference } from '../../backends/auth/src/docs/api-reference.ts';
import type { Email } from '../../backends/auth/src/mail/mailer.ts';
import { createKeyRepository } from '../../backends/auth/src/store/key-repository.ts';
import { createManagementStores } from '../../backends/auth/src/store/management-stores.ts';
import { createTestEmbedded } from '../../backends/auth/src/testing/embedded.ts';

const ShownSchema = z.object({ id: z.string(), key: z.string() });

export type Answer = { status: number; text: string; body: unknown; headers: Headers };
export type Call = (method: string, path: string, body?: unknown) => Promise<Answer>;

export type Management = {
  url: string;
  app: Hono<ServiceEnv>;
  connection: DatabaseConnection;
  lastUse: LastUse;
  /** Sent so far. */
  mails: Email[];
  /** Everything that was logged, and every answer that does not show a key on purpose. */
  seen: string[];
  addUser: (values?: Partial<typeof users.$inferInsert>) => Promise<string>;
  /** What a session of this user may call. */
  session: (userId: string, held?: UserPrincipal['scopes']) => Call;
  /** What a holder of this key may call, as the gateway would say at this moment. */
  keyHolder: (key: string) => Promise<Call>;
  as: (principal: Principal) => Call;
  /** What the gateway is told about a key. Null: not a usable one. */
  resolve: (key: string) => Promise<ResolvedKey | null>;
  createKey: (call: Call, body?: object) => Promise<{ id: string; key: string }>;
  close: () => Promise<void>;
};

export const ordinaryScopes = scopes.filter((scope) => scope !== 'admin');

/** The auth backend in process, over a database of its own, and people who call it. */
export async function startManagement(): Promise<Management> {
  const seen: string[] = [];
  const log = createLogger({ service: 'auth', level: 'debug', write: (line) => void seen.push(line) });
  const database = await createTestDatabase();
  const connection = connect({ url: database.url, poolSize: 8, log });
  const identity = await createTestIdentity();
  const lastUse = createLastUse({ save: saveKeyUses(connection.db), log, everyMs: 3_600_000 });
  const { app, mails } = authApp({ connection, identity, log, lastUse });
  const as = (principal: Principal): Call => callAs(app, { principal, identity, seen });
  const resolve: Management['resolve'] = async (key) => {
    const answer = await as({ kind: 'gateway' })('POST', '/internal/keys/resolve', { key_hash: await hashApiKey(key) });
    return answer.status === 404 ? null : ResolvedKeySchema.parse(answer.body);
  };
  return {
    url: database.url,
    app,
    connection,
    lastUse,
    mails,
    seen,
    as,
    resolve,
    addUser: async (values = {}) => {
      const email = `${randomBase62(10).toLowerCase()}@gaia.test`;
      const [row] = await connection.db
        .insert(users)
        .values({ email, ...values })
        .returning({ id: users.id });
      return row?.id ?? '';
    },
    session: (userId, held = ordinaryScopes) => as({ kind: 'user', userId, keyId: null, scopes: held, limits: {} }),
    keyHolder: async (key) => {
      const resolved = await resolve(key);
      if (!resolved) throw new Error('the gateway would refuse this key');
      return as(resolved.principal);
    },
    createKey: async (call, body = {}) => {
      const answer = await call('POST', '/api/v1/keys', { name: 'a key', ...body });
      if (answer.status !== 201) throw new Error(`no key: ${answer.text}`);
      return ShownSchema.parse(answer.body);
    },
    close: async () => {
      await lastUse.stop();
      await connection.close();
      await database.drop();
    },
  };
}

type AppParts = { connection: DatabaseConnection; identity: TestIdentity; log: Logger; lastUse: LastUse };

function authApp({ connection, identity, log, lastUse }: AppParts): { app: Hono<ServiceEnv>; mails: Email[] } {
  const embedded = createTestEmbedded(connection.db);
  const app = createApp({
    log,
    build: { version: '1.0.0', commit: 'test', contract: contractVersion },
    health: createHealthReporter({ environment: 'local', pingDatabase: connection.ping, natsStatus: () => 'disabled' }),
    verifyAssertion: createAssertionVerifier(identity.publicKeys, 'auth'),
    ...createManagementStores(connection.db),
    keys: createKeyRepository(connection.db),
    keyEnvironment: 'dev',
    keyUsed: (keyId) => lastUse.mark(keyId, new Date()),
    revocations: { after: async () => ({ position: 0, reset: true, completeSince: 0, ageMs: 0, revocations: [] }) },
    signingKeys: [embedded.signingKey],
    identity: embedded.identity,
    reference: createApiReference('1.0.0'),
  });
  return { app, mails: embedded.mails };
}

type Caller = { principal: Principal; identity: TestIdentity; seen: string[] };

function callAs(app: Hono<ServiceEnv>, { principal, identity, seen }: Caller): Call {
  return async (method, path, body) => {
    const headers = { ...(await identity.headers(principal, 'auth')), 'x-gaia-client-address': '192.0.2.7' };
    const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
    const json = body === undefined ? {} : { 'content-type': 'application/json' };
    const answer = await app.request(path, { method, headers: { ...headers, ...json }, ...sent });
    const text = await answer.text();
    const parsed: unknown = text === '' ? null : JSON.parse(text);
    if (!ShownSchema.safeParse(parsed).success) seen.push(text);
    return { status: answer.status, text, body: parsed, headers: answer.headers };
  };
}
