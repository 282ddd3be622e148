import { AppError } from '#shared/http/error.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Logger } from '#shared/log.ts';
import { conversationNotFound, type Message } from './conversation.ts';
import { createHeldLeases, renewalsPerLease, standardLeaseSeconds } from './held-leases.ts';
import { persistently } from './persistently.ts';
import { createTurnQueue, type Place } from './turn-queue.ts';
import type { Answer, Begun, Turn, TurnRequest, TurnStore, UserMessage } from './turn-store.ts';

export type OpenTurnRequest = {
  /** "new" or nothing begins a conversation. */
  conversationId: string | undefined;
  userMessage: UserMessage;
  turnId: string;
  /** Aborts when the client leaves. While it waits for its turn, that ends the wait. */
  signal?: AbortSignal;
};

/** A turn that was opened, with what was said before it: the input of `windowOf`. */
export type OpenedTurn = Turn & { history: Message[] };
export type AnsweredTurn = Extract<Begun, { kind: 'answered' }>;

export type Turns = {
  /**
   * Stores the user's message once nobody else is being answered in the conversation. Rejects with `not_found`, and
   * with `conflict` when its turn does not come in time; nothing is stored then. Every opened turn must be completed or
   * withdrawn.
   */
  open: (principal: UserPrincipal, request: OpenTurnRequest) => Promise<OpenedTurn | AnsweredTurn>;
  /** Stores what came of the turn and lets the next one begin. Goes on for 20 s where the database is away. */
  complete: (principal: UserPrincipal, turn: Turn, answer: Answer) => Promise<Message | null>;
  /** Forgets a turn that was refused, as persistently. */
  withdraw: (principal: UserPrincipal, turn: Turn) => Promise<void>;
  /** Waits for the answers that are being stored. */
  stop: () => Promise<void>;
};

export type TurnsOptions = {
  store: TurnStore;
  log: Logger;
  /** After which a turn is given up for lost: longer than any call may take. */
  maxTurnMs: number;
  /** How long a message waits for those before it. */
  waitMs?: number;
  /** The store's. */
  leaseSeconds?: number;
};

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** One answer at a time in each conversation, whatever process gives it: docs/decisions/0023. */
export function createTurns(options: TurnsOptions): Turns {
  const { store, log, maxTurnMs, waitMs = 60_000, leaseSeconds = standardLeaseSeconds } = options;
  const queue = createTurnQueue();
  const everyMs = (leaseSeconds * 1_000) / renewalsPerLease;
  const held = createHeldLeases({ renew: store.renew, log, maxTurnMs, everyMs });
  const ending = new Set<Promise<unknown>>();

  const opened = async (principal: UserPrincipal, begun: Begun): Promise<OpenedTurn | AnsweredTurn> => {
    if (begun.kind === 'answered') return begun;
    if (begun.kind !== 'open') throw conversationNotFound();
    held.add(begun);
    try {
      return { ...begun, history: await store.history(principal, begun) };
    } catch (error) {
      // Nobody will complete a turn that they do not know of.
      held.remove(begun);
      await store.withdraw(principal, begun).catch(() => undefined);
      throw error;
    }
  };

  const end = async <T>(principal: UserPrincipal, turn: Turn, work: () => Promise<T>): Promise<T> => {
    const ended = persistently(work);
    ending.add(ended);
    try {
      return await ended;
    } finally {
      ending.delete(ended);
      held.remove(turn);
      queue.knock(`${principal.userId} ${turn.conversationId}`);
    }
  };

  return {
    open: async (principal, { conversationId, userMessage, turnId, signal }) => {
      const id = conversationId === undefined || conversationId === 'new' ? null : conversationId.toLowerCase();
      if (id !== null && !uuid.test(id)) throw conversationNotFound();
      const request = { conversationId: id, userMessage, turnId };
      if (id === null) return await opened(principal, await beginNew(store, principal, request));
      const place = queue.join(`${principal.userId} ${id}`, { waitMs, ...(signal && { signal }) });
      try {
        return await opened(principal, await beginInTurn(place, async () => await store.begin(principal, request)));
      } finally {
        place.leave();
      }
    },
    complete: async (principal, turn, answer) =>
      await end(principal, turn, async () => await store.complete(principal, turn, answer)),
    withdraw: async (principal, turn) => await end(principal, turn, async () => await store.withdraw(principal, turn)),
    stop: async () => {
      await Promise.allSettled(ending);
      await held.stop();
    },
  };
}

/** Only the same turn twice at once makes a new conversation busy. */
async function beginNew(store: TurnStore, principal: UserPrincipal, request: TurnRequest): Promise<Begun> {
  const begun = await store.begin(principal, request);
  if (begun.kind === 'busy') throw new AppError('conflict', 'This request is being answered already', waitAMoment);
  return begun;
}

async function beginInTurn(place: Place, begin: () => Promise<Begun>): Promise<Begun> {
  await place.first();
  for (;;) {
    const begun = await begin();
    if (begun.kind !== 'busy') return begun;
    await place.pause();
  }
}

const waitAMoment = { retryAfterSeconds: 2 };
