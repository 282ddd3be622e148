import type { Target } from '../calls/call.ts';
import type { Calls } from '../calls/calls.ts';
import { streamAgain, streamChat, type ChatSink } from './answer-chat.ts';
import { eventSink } from './event-sink.ts';
import type { AnsweredChat, OpenChat } from './open-chat.ts';
import { errorEvent, gaiaVocabulary, type Told } from './vocabularies.ts';

export type EventsTarget = { sink: ChatSink; startedAt: Date };

/** A chat as events that also say what happens on the way. */
export async function streamEvents(
  calls: Calls,
  chat: OpenChat | AnsweredChat,
  { sink, startedAt }: EventsTarget,
): Promise<void> {
  const told = chat.kind === 'answered' ? toldAgain(chat, startedAt) : toldOf(chat, startedAt);
  const own = eventSink(sink, gaiaVocabulary(told));
  if (chat.kind === 'answered') return streamAgain(chat, own);
  return await streamChat(calls, chat, own, {
    watcher: {
      attempting: ({ model, provider, isFallback }) => {
        Object.assign(told, { model, provider: provider.id, isFallback });
      },
      failed: ({ provider }, error, next) => {
        told.failures.push(...failureEvents(provider.id, error.message, next));
      },
    },
    onStored: ({ spent: { usage } }) => {
      told.responseTimeMs = Date.now() - startedAt.getTime();
      told.totalTokens = usage.input + usage.output;
      return '';
    },
  });
}

function toldOf(chat: OpenChat, startedAt: Date): Told {
  return {
    conversationId: chat.conversationId,
    startedAt,
    parallelFetchMs: chat.fetchMs,
    cacheHits: chat.cacheHits,
    model: chat.chosen.model,
    provider: '',
    reasoning: chat.chosen.reasoning,
    failures: [],
    isFallback: false,
    responseTimeMs: 0,
    totalTokens: 0,
  };
}

function toldAgain({ conversationId, answer }: AnsweredChat, startedAt: Date): Told {
  return {
    conversationId,
    startedAt,
    parallelFetchMs: 0,
    cacheHits: { persona: false, tools: false },
    model: answer.model ?? '',
    provider: answer.provider ?? '',
    reasoning: undefined,
    failures: [],
    isFallback: false,
    responseTimeMs: 0,
    totalTokens: answer.tokensUsed ?? 0,
  };
}

function failureEvents(provider: string, message: string, next: Target | null): object[] {
  const error = errorEvent(message, provider, next !== null);
  if (!next) return [error];
  return [error, { type: 'fallback_attempt', message: `Trying ${next.provider.name}: ${next.model}` }];
}
