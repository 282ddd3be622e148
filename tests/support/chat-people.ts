import { randomUUID } from 'node:crypto';
import { contractVersion } from '#shared/contract-version.ts';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { headerNames } from '#shared/http/headers.ts';
import { UserPrincipalSchema, type Scope, type UserPrincipal } from '#shared/identity/principal.ts';
import { createTestChat } from '../../backends/chat/src/testing/chat-app.ts';
import { createTestDatabase, queryRows } from './postgres.ts';
import { silentLog } from './silent-log.ts';

export type Answer = { status: number; text: string; body: unknown };
export type Call = (method: string, path: string, body?: unknown) => Promise<Answer>;
export type Person = { principal: UserPrincipal; call: Call };

export type ChatPeople = {
  connection: DatabaseConnection;
  rows: (text: string, values?: unknown[]) => Promise<unknown[]>;
  /** Somebody whom the database has never seen. */
  person: (...scopes: Scope[]) => Person;
  as: (principal: UserPrincipal) => Person;
  close: () => Promise<void>;
};

/** The chat backend in process, over a database of its own, and people who call it. */
export async function startChatPeople(): Promise<ChatPeople> {
  const database = await createTestDatabase();
  const connection = connect({ url: database.url, poolSize: 4, log: silentLog });
  const { app } = createTestChat({
    db: connection.db,
    verifyAssertion: async (assertion) => UserPrincipalSchema.parse(JSON.parse(assertion)),
  });
  const callAs =
    (principal: UserPrincipal): Call =>
    async (method, path, body) => {
      const headers = {
        [headerNames.assertion]: JSON.stringify(principal),
        [headerNames.contract]: String(contractVersion),
        'x-request-id': 'the-same-request',
        ...(body !== undefined && { 'content-type': 'application/json' }),
      };
      const sent = body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) };
      const answer = await app.request(path, { method, headers, ...sent });
      const text = await answer.text();
      return { status: answer.status, text, body: isJson(answer) ? JSON.parse(text) : null };
    };
  return {
    connection,
    rows: async (text, values) => await queryRows(database.url, text, values),
    person: (...scopes) => {
      const held: Scope[] = scopes.length === 0 ? ['chat:read', 'chat:write'] : scopes;
      const principal: UserPrincipal = { kind: 'user', userId: randomUUID(), keyId: null, scopes: held, limits: {} };
      return { principal, call: callAs(principal) };
    },
    as: (principal) => ({ principal, call: callAs(principal) }),
    close: async () => {
      await connection.close();
      await database.drop();
    },
  };
}

function isJson(answer: Response): boolean {
  return /json/.test(answer.headers.get('content-type') ?? '');
}
