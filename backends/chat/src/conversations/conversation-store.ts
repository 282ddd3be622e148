import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Conversation, FoundConversation, Message } from './conversation.ts';

export type Page<T> = { items: T[]; next: string | null };

export type MessageCounts = { conversations: number; total: number; user: number; assistant: number };

/**
 * Conversations as their owner sees them. Somebody else's is answered like one that does not exist: null or false.
 */
export type ConversationStore = {
  list: (principal: UserPrincipal, page: { limit: number; after?: string | undefined }) => Promise<Page<Conversation>>;
  create: (principal: UserPrincipal, title: string | null) => Promise<Conversation>;
  find: (principal: UserPrincipal, id: string) => Promise<Conversation | null>;
  rename: (principal: UserPrincipal, id: string, title: string) => Promise<Conversation | null>;
  /** Also takes all its messages away. False: there was none. */
  remove: (principal: UserPrincipal, id: string) => Promise<boolean>;
  search: (principal: UserPrincipal, query: { q: string; limit: number }) => Promise<FoundConversation[]>;
  /** Newest first. Null: no such conversation. */
  messages: (
    principal: UserPrincipal,
    id: string,
    page: { limit: number; after?: string | undefined },
  ) => Promise<Page<Message> | null>;
  counts: (principal: UserPrincipal) => Promise<MessageCounts>;
  /** Takes all messages of this user away, and says how many there were. The conversations stay, untitled. */
  clear: (principal: UserPrincipal) => Promise<number>;
};
