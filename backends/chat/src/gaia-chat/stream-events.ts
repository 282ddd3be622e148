import type { AttemptWatcher } from '../calls/attempts.ts';
import type { Target } from '../calls/call.ts';
import type { Calls } from '../calls/calls.ts';
import { streamAgain, streamChat, type ChatSink } from './answer-chat.ts';
import { eventSink, type TranslatingSink } from './event-sink.ts';
import type { AnsweredChat, OpenChat } from './open-chat.ts';
import { errorEvent, gaiaVocabulary, modelSelection, type Told } from './vocabularies.ts';

export type EventsTarget = { sink: ChatSink; startedAt: Date };

/** A chat as events that also say what happens on the way. */
export async function streamEvents(
  calls: Calls,
  chat: OpenChat | AnsweredChat,
  { sink, startedAt }: EventsTarget,
): Promise<void> {
  const told = chat.kind === 'answered' ? toldAgain(chat, startedAt) : toldOf(chat, startedAt);
  const own = eventSink(sink, gaiaVocabulary(told));
  if (chat.kind === 'answered') {
    return streamAgain(chat, own, [modelSelection(told, 'It answered when this was sent before')]);
  }
  return await streamChat(calls, chat, own, {
    opensAtOnce: true,
    watcher: watcherOf(chat, told, own),
    onStored: ({ spent: { usage } }) => {
      told.responseTimeMs = Date.now() - startedAt.getTime();
      told.totalTokens = usage.input + usage.output;
      return '';
    },
  });
}

/** Tells who is asked. Asking the same model again is nothing that a client could do anything with. */
function watcherOf(chat: OpenChat, told: Told, { say }: TranslatingSink): AttemptWatcher {
  let asked: Target | undefined;
  return {
    attempting: (target) => {
      if (target === asked) return;
      asked = target;
      Object.assign(told, { model: target.model, provider: target.provider.id, isFallback: target.isFallback });
      say([modelSelection(told, reasoningOf(chat, target))]);
    },
    failed: (target, error, next) => {
      if (!next || next === target) return; // What is the end of it is said by the stream itself.
      const message = `Trying ${next.provider.name}: ${next.model}`;
      say([errorEvent(error.message, target.provider.id, true), { type: 'fallback_attempt', message }]);
    },
  };
}

function reasoningOf({ chosen }: OpenChat, { isFallback }: Target): string {
  if (isFallback) return 'The model before it does not answer';
  return chosen.reasoning ?? 'The request names it';
}

const answering = { model: '', provider: '', isFallback: false, responseTimeMs: 0, totalTokens: 0 };

function toldOf({ conversationId, fetchMs, cacheHits }: OpenChat, startedAt: Date): Told {
  return { ...answering, conversationId, startedAt, parallelFetchMs: fetchMs, cacheHits };
}

function toldAgain({ conversationId, answer }: AnsweredChat, startedAt: Date): Told {
  return {
    ...answering,
    conversationId,
    startedAt,
    parallelFetchMs: 0,
    cacheHits: { persona: false, tools: false },
    model: answer.model ?? '',
    provider: answer.provider ?? '',
    totalTokens: answer.tokensUsed ?? 0,
  };
}
