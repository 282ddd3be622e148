import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Message } from './conversation.ts';

/** What somebody says. `parts` where it is more than text, such as an image; `content` is then its text. */
export type UserMessage = { content: string; parts?: readonly unknown[] };

export type TurnRequest = {
  /** Null: a new conversation. */
  conversationId: string | null;
  userMessage: UserMessage;
  /** Names the turn for its user: the same one never stores a message twice. */
  turnId: string;
};

/** The right to answer in a conversation, for as long as it is renewed. */
export type Lease = { conversationId: string; token: string };

export type Turn = Lease & {
  kind: 'open';
  turnId: string;
  /** Of the user's message. The answer's is the next one. */
  position: number;
  /** The message was stored by an earlier attempt at this turn. */
  isRetry: boolean;
};

/** What came of the wish to begin a turn. */
export type Begun =
  | Turn
  /** The turn was here before, and has its answer. */
  | { kind: 'answered'; conversationId: string; answer: Message }
  /** Somebody else is being answered. Nothing was stored. */
  | { kind: 'busy' }
  /** No conversation of this user has the id. */
  | { kind: 'missing' };

export type Answer = {
  content: string;
  model: string;
  provider: string;
  tokensUsed: number | null;
  /** `failed` with no content stores no answer and leaves the user's message unanswered. */
  status: 'completed' | 'broken' | 'cancelled' | 'failed';
};

export type TurnStore = {
  /** In one transaction: takes the lease and stores the user's message behind all others. */
  begin: (principal: UserPrincipal, request: TurnRequest) => Promise<Begun>;
  /**
   * The newest messages before this turn that belong to it as context, in their order: at most 200 of them and 1 MiB of text.
   */
  history: (principal: UserPrincipal, turn: Turn) => Promise<Message[]>;
  /**
   * Stores the answer at its place and gives the lease back. The same turn again gives what it stored. Null: there is
   * no answer, because nothing came of the call or because the user has deleted the question.
   */
  complete: (principal: UserPrincipal, turn: Turn, answer: Answer) => Promise<Message | null>;
  /**
   * As if the turn had never been begun: takes its message away again, and the conversation that it made. A message of
   * an earlier attempt stays, unanswered.
   */
  withdraw: (principal: UserPrincipal, turn: Turn) => Promise<void>;
  /** Makes the leases last on from now. Those that were lost stay lost. */
  renew: (leases: readonly Lease[]) => Promise<void>;
};
