import type { ChatResponseBody } from '#shared/contracts/chat.ts';
import type { AttemptWatcher } from '../calls/attempts.ts';
import type { Spent, Target } from '../calls/call.ts';
import type { Answer as CallAnswer, Calls, StreamExtras } from '../calls/calls.ts';
import type { EventSink } from '../calls/event-stream-relay.ts';
import type { Answer } from '../conversations/turn-store.ts';
import { chunkOf, textOf, wholeAnswer, type WholeAnswer } from './completion-answer.ts';
import type { AnsweredChat, OpenChat } from './open-chat.ts';

export type ChatAnswer = { fields: ChatResponseBody; whole: WholeAnswer; headers: Record<string, string> };

/** A whole answer, stored before it is given. */
export async function answerChat(calls: Calls, chat: OpenChat, startedAt: number): Promise<ChatAnswer> {
  try {
    const answer = await calls.unary(chat.call);
    const whole = wholeAnswer(answer.bytes);
    await chat.end(storedAnswer(answer.target, answer.spent, whole.text, 'completed'));
    return { fields: fieldsOf(chat, answer, whole.text, startedAt), whole, headers: answer.admitted.headers };
  } catch (error) {
    chat.endLater(nothing);
    throw error;
  }
}

/** What a request got that was answered before. */
export function fieldsAgain({ conversationId, answer }: AnsweredChat): ChatResponseBody {
  const total = answer.tokensUsed ?? 0;
  return {
    response: answer.content,
    provider: answer.provider ?? '',
    model: answer.model ?? '',
    usage: { input_tokens: 0, output_tokens: 0, total_tokens: total },
    response_time_ms: 0,
    fallback_used: false,
    conversation_id: conversationId,
  };
}

export type ChatSink = EventSink & { setHeaders?: (headers: Record<string, string>) => void };

export type StreamedChat = {
  watcher?: AttemptWatcher;
  /** Once the answer is stored; what it gives is sent before the end of the stream. */
  onStored: (end: { target: Target; spent: Spent }) => string;
};

/** A stream of chunks; the answer is stored before its caller may believe that it is complete. */
export async function streamChat(calls: Calls, chat: OpenChat, sink: ChatSink, streamed: StreamedChat): Promise<void> {
  let text = '';
  const extras: StreamExtras = {
    ...(streamed.watcher && { watcher: streamed.watcher }),
    onAdmitted: ({ headers }) => sink.setHeaders?.(headers),
    onData: (data) => {
      const chunk = chunkOf(data);
      if (chunk) text += textOf(chunk);
    },
    beforeEnd: async ({ target, spent }) => {
      await chat.end(storedAnswer(target, spent, text, 'completed'));
      return streamed.onStored({ target, spent });
    },
    onBroken: ({ target, spent, isCancelled }) => {
      const status = isCancelled ? 'cancelled' : 'broken';
      chat.endLater(target && text !== '' ? storedAnswer(target, spent, text, status) : nothing);
    },
  };
  try {
    await calls.stream(chat.call, sink, extras);
  } catch (error) {
    chat.endLater(nothing);
    throw error;
  }
}

/** The stream of a request that was answered before. */
export function streamAgain({ answer }: AnsweredChat, sink: EventSink): void {
  sink.open();
  sink.writable.end(
    `data: ${JSON.stringify({ choices: [{ delta: { content: answer.content } }] })}\n\ndata: [DONE]\n\n`,
  );
}

const nothing: Answer = { content: '', model: '', provider: '', tokensUsed: null, status: 'failed' };

function storedAnswer({ provider, model }: Target, { usage }: Spent, text: string, status: Answer['status']): Answer {
  return { content: text, model, provider: provider.id, tokensUsed: usage.input + usage.output, status };
}

function fieldsOf(chat: OpenChat, { target, spent }: CallAnswer, text: string, startedAt: number): ChatResponseBody {
  const { input, output } = spent.usage;
  return {
    response: text,
    provider: target.provider.id,
    model: target.model,
    usage: { input_tokens: input, output_tokens: output, total_tokens: input + output },
    response_time_ms: Math.round(performance.now() - startedAt),
    ...(chat.chosen.reasoning !== undefined && { reasoning: chat.chosen.reasoning }),
    fallback_used: target.isFallback,
    conversation_id: chat.conversationId,
  };
}
