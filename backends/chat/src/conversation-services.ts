import type { Database } from '#shared/db/connect.ts';
import type { Logger } from '#shared/log.ts';
import type { ConversationStore } from './conversations/conversation-store.ts';
import { createTurns, type Turns } from './conversations/turns.ts';
import { createPersonas, type Personas } from './personas/personas.ts';
import { createConversationStore } from './store/conversation-repository.ts';
import { createTurnStore } from './store/conversation-turns.ts';
import { createPersonaStore } from './store/persona-repository.ts';

export type ConversationServices = { conversations: ConversationStore; turns: Turns; personas: Personas };

/** What is kept of conversations, who answers in them, and in which order. `turns` is to be stopped. */
export function createConversationServices(
  db: Database,
  { log, maxTurnMs, leaseSeconds }: { log: Logger; maxTurnMs: number; leaseSeconds?: number },
): ConversationServices {
  return {
    conversations: createConversationStore(db),
    turns: createTurns({
      store: createTurnStore(db, leaseSeconds),
      log,
      maxTurnMs,
      ...(leaseSeconds !== undefined && { leaseSeconds }),
    }),
    personas: createPersonas(createPersonaStore(db)),
  };
}
