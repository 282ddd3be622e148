import * as z from 'zod';
import type { ChatRequestBody } from '#shared/contracts/chat.ts';
import { AppError } from '#shared/http/error.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { JsonObject } from '#shared/json.ts';
import type { Logger } from '#shared/log.ts';
import type { Call, Target } from '../calls/call.ts';
import { saidBefore, type Message } from '../conversations/conversation.ts';
import type { Answer, Turn, UserMessage } from '../conversations/turn-store.ts';
import type { AnsweredTurn, OpenedTurn, Turns } from '../conversations/turns.ts';
import type { EarlierCalls } from '../money/metering.ts';
import type { Persona } from '../personas/persona.ts';
import type { Personas } from '../personas/personas.ts';
import { promptOf, type OfferedTool } from '../personas/prompt-of.ts';
import { chosenModels, type ChosenModels, type ModelChoosing } from './chosen-models.ts';
import { completionRequest, type CompletionParts } from './completion-request.ts';
import { splitMessages, type SplitMessages } from './split-messages.ts';

const FunctionTool = z.object({ name: z.string(), description: z.string().optional() });

export type ChatPersonas = Pick<Personas, 'personaFor' | 'cache'>;
export type ChatParts = { choosing: ModelChoosing; personas: ChatPersonas; turns: Turns; log: Logger };

export type ChatCaller = {
  principal: UserPrincipal;
  requestId: string;
  clientLeft: AbortSignal;
  /** Of the one call to a model, and those of processes that died while they answered the same request. */
  callId: string;
  earlier: EarlierCalls | null;
  /** The same for a request that is sent again. */
  turnId: string;
};

/** A chat that can be answered: the call to make, and how to end its turn. */
export type OpenChat = {
  kind: 'open';
  call: Call;
  chosen: ChosenModels;
  /** Null: nothing is stored. */
  conversationId: string | null;
  fetchMs: number;
  cacheHits: { persona: boolean; tools: boolean };
  /** Stores the answer. Only the first word counts. */
  end: (answer: Answer) => Promise<void>;
  /** The same where nobody waits for it. */
  endLater: (answer: Answer) => void;
};

/** The same request was answered before, and this is the answer. */
export type AnsweredChat = { kind: 'answered'; conversationId: string; answer: Message };

export type ChatWish = { request: ChatRequestBody; isStream: boolean };

/** The end of a turn of which nothing came. */
export const nothingCame: Answer = { content: '', model: '', provider: '', tokensUsed: null, status: 'failed' };

/**
 * Opens a chat and answers it. Where `work` fails the turn is ended, so that the conversation waits for nobody; once it
 * has begun a stream, that is the stream's to do.
 */
export async function withChat<T>(
  parts: ChatParts,
  { caller, wish }: { caller: ChatCaller; wish: ChatWish },
  work: (chat: OpenChat | AnsweredChat) => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  const said = splitMessages(wish.request);
  const chosen = chosenModels(parts.choosing, caller.principal, wish.request);
  const { persona, isCached } = await personaOf(parts.personas, caller.principal, wish.request.persona_id);
  const fetchMs = performance.now() - startedAt;
  const turn = await turnOf(parts.turns, caller, { request: wish.request, said });
  if (turn?.kind === 'answered') return await work(turn);
  const conversationMs = performance.now() - startedAt - fetchMs;
  const ends = endsOf(parts, caller, turn);
  try {
    const stages = { persona: fetchMs, ...(turn && { conversation: conversationMs }) };
    const call = { ...callOf(caller, chosen, completionParts(wish, { persona, said, turn })), stages };
    return await work({
      kind: 'open',
      call,
      chosen,
      conversationId: turn?.conversationId ?? null,
      fetchMs: Math.round(fetchMs * 10) / 10,
      cacheHits: { persona: isCached, tools: false },
      ...ends,
    });
  } catch (error) {
    await ends.giveUp(error);
    throw error;
  }
}

type Known = { persona: Persona; said: SplitMessages; turn: OpenedTurn | null };

function completionParts({ request, isStream }: ChatWish, { persona, said, turn }: Known): CompletionParts {
  return {
    request,
    isStream,
    systemPrompt: promptOf(persona, offeredTools(request)),
    messages: said.messages ?? [...saidBefore(turn?.history ?? []), asMessage(said.userMessage)],
    isWindowed: said.messages === undefined,
  };
}

type Asked = { request: ChatRequestBody; said: SplitMessages };

/** Null where the caller keeps the history. */
async function turnOf(
  turns: Turns,
  { principal, turnId, clientLeft }: ChatCaller,
  { request, said: { userMessage, messages } }: Asked,
): Promise<OpenedTurn | AnsweredTurn | null> {
  if (messages !== undefined && !request.conversation_id) return null;
  const conversationId = request.conversation_id ?? undefined;
  return await turns.open(principal, { conversationId, userMessage, turnId, signal: clientLeft });
}

async function personaOf(
  personas: ChatPersonas,
  principal: UserPrincipal,
  id: string | null | undefined,
): Promise<{ persona: Persona; isCached: boolean }> {
  const { hits } = personas.cache.counts(principal);
  const persona = await personas.personaFor(principal, id ?? undefined);
  return { persona, isCached: personas.cache.counts(principal).hits > hits };
}

/** Tools of other kinds run at a vendor, and need no introduction. */
function offeredTools({ tools }: ChatRequestBody): OfferedTool[] {
  return (tools ?? []).flatMap((tool) => {
    const parsed = FunctionTool.safeParse(tool['function']);
    return parsed.success ? [parsed.data] : [];
  });
}

function asMessage({ parts, content }: UserMessage): JsonObject & { role: string } {
  return { role: 'user', content: parts ?? content };
}

function callOf(caller: ChatCaller, { model, target, fallbacks }: ChosenModels, parts: CompletionParts): Call {
  const bodyFor = (asked: Target): JsonObject => completionRequest(parts, asked);
  const body = bodyFor(target);
  return {
    id: caller.callId,
    earlier: caller.earlier,
    principal: caller.principal,
    protocol: 'chat-completions',
    model,
    ...(fallbacks && { fallbacks }),
    body,
    rawBody: Buffer.from(JSON.stringify(body)),
    bodyFor,
    headers: {},
    requestId: caller.requestId,
    clientLeft: caller.clientLeft,
  };
}

function endsOf(
  { turns, log }: ChatParts,
  { principal, requestId }: ChatCaller,
  turn: Turn | null,
): Pick<OpenChat, 'end' | 'endLater'> & { giveUp: (cause: unknown) => Promise<void> } {
  let ended: Promise<unknown> | undefined;
  const end: OpenChat['end'] = async (answer) => {
    if (!turn) return;
    ended ??= turns.complete(principal, turn, answer);
    await ended;
  };
  const report = (error: unknown): void => log.error('an answer was not stored', { request_id: requestId, error });
  const endLater: OpenChat['endLater'] = (answer) => void end(answer).catch(report);
  return {
    end,
    endLater,
    giveUp: async (cause) => {
      if (!turn || !isRefusal(cause)) return endLater(nothingCame);
      ended ??= turns.withdraw(principal, turn);
      const withdrawn = ended.catch(report);
      // Where the database may be what is away, its caller need not wait for it.
      if (cause.code !== 'unavailable') await withdrawn;
      return undefined;
    },
  };
}

/** Nothing was done for a request that got such an error. A client that left is told nothing, and has not been refused. */
function isRefusal(error: unknown): error is AppError {
  if (!(error instanceof AppError) || error.code === 'request_timeout') return false;
  return error.code === 'unavailable' ? !error.options.sideEffectPossible : error.status < 500;
}
