import * as z from 'zod';
import { connect, type DatabaseConnection } from '#shared/db/connect.ts';
import { users } from '#shared/db/schema.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Answer } from '../../backends/chat/src/conversations/turn-store.ts';
import { createTurns, type OpenedTurn, type Turns } from '../../backends/chat/src/conversations/turns.ts';
import { createTurnStore } from '../../backends/chat/src/store/conversation-turns.ts';
import { createTestDatabase, queryRows } from './postgres.ts';
import { silentLog } from './silent-log.ts';

/** What a chat process has: connections and turns of its own. */
export type TurnProcess = { connection: DatabaseConnection; turns: Turns; stop: () => Promise<void> };

export type TurnWorld = {
  url: string;
  start: (options?: { waitMs?: number; maxTurnMs?: number }) => TurnProcess;
  addUser: () => Promise<UserPrincipal>;
  rows: (text: string, values?: unknown[]) => Promise<unknown[]>;
  /** What a conversation holds, in its order. */
  messages: (conversationId: string) => Promise<z.infer<typeof MessagesSchema>>;
  /** What would have happened by itself, had the process that holds the lease died 31 seconds ago. */
  expireLease: (conversationId: string) => Promise<void>;
  close: () => Promise<void>;
};

const MessagesSchema = z.array(z.object({ role: z.string(), content: z.string(), status: z.string() }));

/** One database, and any number of chat processes over it. */
export async function startTurnWorld(): Promise<TurnWorld> {
  const database = await createTestDatabase();
  const running: TurnProcess[] = [];
  const start: TurnWorld['start'] = ({ waitMs = 15_000, maxTurnMs = 60_000 } = {}) => {
    const connection = connect({ url: database.url, poolSize: 4, log: silentLog });
    const turns = createTurns({ store: createTurnStore(connection.db), log: silentLog, waitMs, maxTurnMs });
    const process = { connection, turns, stop: async () => await turns.stop() };
    running.push(process);
    return process;
  };
  const { connection } = start();
  const rows: TurnWorld['rows'] = async (text, values) => await queryRows(database.url, text, values);
  return {
    url: database.url,
    start,
    rows,
    messages: async (id) =>
      MessagesSchema.parse(
        await rows('select role, content, status from chat_messages where conversation_id = $1 order by position', [
          id,
        ]),
      ),
    expireLease: async (id) => {
      await rows(`update conversations set turn_expires_at = now() - interval '1 second' where id = $1`, [id]);
    },
    addUser: async () => {
      const [row] = await connection.db.insert(users).values({}).returning({ id: users.id });
      return principalOf(row?.id ?? '');
    },
    close: async () => {
      for (const process of running) {
        await process.stop();
        await process.connection.close();
      }
      await database.drop();
    },
  };
}

export function principalOf(
  userId: string,
  scopes: UserPrincipal['scopes'] = ['chat:read', 'chat:write'],
): UserPrincipal {
  return { kind: 'user', userId, keyId: null, scopes, limits: {} };
}

export function answered(content: string, status: Answer['status'] = 'completed'): Answer {
  return { content, model: 'm-1', provider: 'acme', tokensUsed: 7, status };
}

/** A turn that was really opened, or the test is over. */
export function opened(turn: Awaited<ReturnType<Turns['open']>>): OpenedTurn {
  if (turn.kind !== 'open') throw new Error(`the turn is ${turn.kind}`);
  return turn;
}

export const say = (content: string, turnId: string, conversationId?: string) => ({
  userMessage: { content },
  turnId,
  conversationId,
});
