import { randomUUID } from 'node:crypto';
import * as z from 'zod';
import type { ChatRequestBody } from '#shared/contracts/chat.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Logger } from '#shared/log.ts';
import type { Call } from '../calls/call.ts';
import { saidBefore, type Message } from '../conversations/conversation.ts';
import type { Answer, Turn, UserMessage } from '../conversations/turn-store.ts';
import type { AnsweredTurn, OpenedTurn, Turns } from '../conversations/turns.ts';
import type { Persona } from '../personas/persona.ts';
import type { Personas } from '../personas/personas.ts';
import { promptOf, type OfferedTool } from '../personas/prompt-of.ts';
import type { JsonObject } from '../protocols/protocol.ts';
import { chosenModels, type ChosenModels, type ModelChoosing } from './chosen-models.ts';
import { completionRequest } from './completion-request.ts';
import { splitMessages, type SplitMessages } from './split-messages.ts';

const FunctionTool = z.object({ name: z.string(), description: z.string().optional() });

export type ChatPersonas = Pick<Personas, 'personaFor' | 'cache'>;
export type ChatParts = { choosing: ModelChoosing; personas: ChatPersonas; turns: Turns; log: Logger };

export type ChatCaller = {
  principal: UserPrincipal;
  requestId: string;
  clientLeft: AbortSignal;
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

/** Everything before a model is asked: persona, model, and the user's message stored behind those before it. */
export async function openChat(
  parts: ChatParts,
  caller: ChatCaller,
  request: ChatRequestBody,
): Promise<OpenChat | AnsweredChat> {
  const { principal } = caller;
  const startedAt = performance.now();
  const chosen = chosenModels(parts.choosing, principal, request);
  const { persona, isCached } = await personaOf(parts.personas, principal, request.persona_id ?? undefined);
  const fetchMs = performance.now() - startedAt;
  const said = splitMessages(request);
  const turn = await turnOf(parts.turns, caller, { request, said });
  if (turn?.kind === 'answered') return turn;
  const conversationMs = performance.now() - startedAt - fetchMs;
  const systemPrompt = promptOf(persona, offeredTools(request));
  const messages = said.messages ?? [...saidBefore(turn?.history ?? []), asMessage(said.userMessage)];
  const isWindowed = said.messages === undefined;
  const body = completionRequest({ request, chosen, systemPrompt, messages, isWindowed });
  const stages = { persona: fetchMs, ...(turn && { conversation: conversationMs }) };
  return {
    kind: 'open',
    call: { ...callOf(caller, chosen, { ...body, ...(request.stream && { stream: true }) }), stages },
    chosen,
    conversationId: turn?.conversationId ?? null,
    fetchMs: Math.round(fetchMs * 10) / 10,
    cacheHits: { persona: isCached, tools: false },
    ...endsOf(parts, caller, turn),
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
  id: string | undefined,
): Promise<{ persona: Persona; isCached: boolean }> {
  const { hits } = personas.cache.counts(principal);
  const persona = await personas.personaFor(principal, id);
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

function callOf(caller: ChatCaller, { model, fallbacks }: ChosenModels, body: JsonObject): Call {
  return {
    id: randomUUID(),
    principal: caller.principal,
    protocol: 'chat-completions',
    model,
    ...(fallbacks && { fallbacks }),
    body,
    rawBody: Buffer.from(JSON.stringify(body)),
    headers: {},
    requestId: caller.requestId,
    clientLeft: caller.clientLeft,
  };
}

function endsOf(
  { turns, log }: ChatParts,
  { principal, requestId }: ChatCaller,
  turn: Turn | null,
): Pick<OpenChat, 'end' | 'endLater'> {
  let ended: Promise<unknown> | undefined;
  const end: OpenChat['end'] = async (answer) => {
    if (!turn) return;
    ended ??= turns.complete(principal, turn, answer);
    await ended;
  };
  const report = (error: unknown): void => log.error('an answer was not stored', { request_id: requestId, error });
  return { end, endLater: (answer) => void end(answer).catch(report) };
}
