import { contractsOf } from '#shared/contracts/registry.ts';
import * as contracts from '#shared/contracts/auth-sessions.ts';
import { contractVersion } from '#shared/contract-version.ts';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { createAssertionVerifier } from '#shared/identity/assertion-verify.ts';
import { scopes as scopeNames, type Principal, type UserPrincipal } from '#shared/identity/principal.ts';
import { createLogger, type Logger } from '#shared/log.ts';
import { createServiceApp } from '#shared/service/create-service-app.ts';
import { createHealthReporter } from '#shared/service/health.ts';
import * as z from 'zod';
import { createTestIdentity, type TestIdentity } from './assertions.ts';
import { createTestDatabase, queryRows } from './postgres.ts';
import type { EmbeddedIdentityOptions } from '../../backends/auth/src/embedded-identity.ts';
import { identityRoutes } from '../../backends/auth/src/routes/identity-routes.ts';
import { createTestEmbedded } from '../../backends/auth/src/testing/embedded.ts';

const SignedInSchema = z.object({
  user: contracts.UserSchema,
  session: contracts.SessionSchema,
});

export type TestSession = z.infer<typeof SignedInSchema>;
export type SessionApp = Awaited<ReturnType<typeof createSessionApp>>;

let accounts = 0;

/** Accounts and sessions over a database of their own, called as the gateway would. */
export async function createSessionApp(options: Partial<EmbeddedIdentityOptions> = {}) {
  const database = await createTestDatabase();
  const logLines: string[] = [];
  const log = createLogger({ service: 'auth', level: 'debug', write: (line) => void logLines.push(line) });
  const connection: DatabaseConnection = connect({ url: database.url, poolSize: 8, log });
  const gateway = await createTestIdentity();
  const { identity, mails, signingKey } = createTestEmbedded(connection.db, options);
  const app = serviceApp({ log, connection, publicKeys: gateway.publicKeys });
  identityRoutes(app, identity);

  const headersOf = assertedHeaders(gateway);
  const answers: string[] = [];
  async function call(method: string, path: string, body?: unknown, principal: Principal = anonymous) {
    const answer = await app.request(`/api/v1/auth/${path}`, {
      method,
      headers: {
        ...(await headersOf(principal)),
        'user-agent': 'test',
        'x-gaia-client-address': '192.0.2.1',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    answers.push(text);
    return { status: answer.status, headers: answer.headers, text, json: (): unknown => JSON.parse(text) };
  }
  async function signedIn(path: string, body: object): Promise<TestSession> {
    return SignedInSchema.parse((await call('POST', path, body)).json());
  }

  return {
    app,
    databaseUrl: database.url,
    identity,
    mails,
    signingKey,
    logLines,
    answers,
    call,
    signedIn,
    rows: async (text: string, values: unknown[] = []) => await queryRows(database.url, text, values),
    /** An account of its own for a test. */
    newcomer: async (email = `newcomer-${++accounts}@example.org`, password = 'correct horse') => ({
      email,
      password,
      ...(await signedIn('register', { email, password })),
    }),
    codeIn: (mail: { text: string } | undefined): string => /^([0-9A-Za-z]{32})$/m.exec(mail?.text ?? '')?.[1] ?? '',
    close: async () => {
      await connection.close();
      await database.drop();
    },
  };
}

/** The session behind an access token, as the edge would tell it to us. */
export function principalOf({ user, session }: TestSession): UserPrincipal & { sessionId: string } {
  const [, claims = ''] = session.access_token.split('.');
  const { sid, scopes } = z
    .object({ sid: z.string(), scopes: z.array(z.enum(scopeNames)) })
    .parse(JSON.parse(Buffer.from(claims, 'base64url').toString()));
  return { kind: 'user', userId: user.id, keyId: null, sessionId: sid, scopes, limits: {} };
}

const anonymous: Principal = { kind: 'anonymous' };

/** One assertion for many requests of nobody, as the gateway does it. */
function assertedHeaders({ headers }: TestIdentity): (principal: Principal) => Promise<Record<string, string>> {
  let kept = { headers: headers(anonymous, 'auth'), until: Date.now() + 30_000 };
  return async (principal) => {
    if (principal !== anonymous) return await headers(principal, 'auth');
    if (kept.until < Date.now()) kept = { headers: headers(anonymous, 'auth'), until: Date.now() + 30_000 };
    return await kept.headers;
  };
}

type ServiceParts = { log: Logger; connection: DatabaseConnection; publicKeys: TestIdentity['publicKeys'] };

function serviceApp({ log, connection, publicKeys }: ServiceParts): ReturnType<typeof createServiceApp> {
  return createServiceApp({
    service: 'auth',
    contracts: contractsOf('auth'),
    log,
    build: { version: '1.0.0', commit: 'test', contract: contractVersion },
    health: createHealthReporter({ environment: 'local', pingDatabase: connection.ping, natsStatus: () => 'disabled' }),
    verifyAssertion: createAssertionVerifier(publicKeys, 'auth'),
  });
}
