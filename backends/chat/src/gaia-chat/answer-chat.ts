import type { ChatResponseBody } from '#shared/contracts/chat.ts';
import { AppError } from '#shared/http/error.ts';
import type { Spent, Target } from '../calls/call.ts';
import type { Answer as CallAnswer, Calls, StreamExtras } from '../calls/calls.ts';
import type { EventSink } from '../calls/relay-options.ts';
import type { Answer } from '../conversations/turn-store.ts';
import { chunkOf, wholeAnswer, type Chunk, type WholeAnswer } from './completion-answer.ts';
import { nothingCame, type AnsweredChat, type OpenChat } from './open-chat.ts';
import type { TranslatingSink } from './event-sink.ts';

export type ChatAnswer = { fields: ChatResponseBody; completion: object; headers: Record<string, string> };

/** A whole answer, stored before it is given. */
export async function answerChat(calls: Calls, chat: OpenChat, startedAt: number): Promise<ChatAnswer> {
  const answer = await calls.unary(chat.call);
  const whole = wholeAnswer(answer.bytes);
  await endOf(chat, storedAnswer(answer.target, answer.spent, whole.text, 'completed'));
  const fields = fieldsOf(chat, { answer, whole, startedAt });
  return { fields, completion: whole.completion, headers: answer.admitted.headers };
}

/** What a request got that was answered before. How its tokens were divided was not kept with it. */
export function fieldsAgain({ conversationId, answer }: AnsweredChat): ChatResponseBody {
  return {
    response: answer.content,
    provider: answer.provider ?? '',
    model: answer.model ?? '',
    usage: { input_tokens: 0, output_tokens: 0, total_tokens: answer.tokensUsed ?? 0 },
    response_time_ms: 0,
    fallback_used: false,
    conversation_id: conversationId,
  };
}

export type ChatSink = EventSink & { setHeaders?: (headers: Record<string, string>) => void };

export type StreamedChat = Pick<StreamExtras, 'watcher' | 'opensAtOnce'> & {
  onChunk?: (chunk: Chunk) => void;
  /** Once the answer is stored; what it gives is sent before the end of the stream. */
  onStored: (end: { target: Target; spent: Spent }) => string;
};

/** A stream of chunks; the answer is stored before its caller may believe that it is complete. */
export async function streamChat(calls: Calls, chat: OpenChat, sink: ChatSink, streamed: StreamedChat): Promise<void> {
  const { onChunk, onStored, ...extras } = streamed;
  let text = '';
  let isOpen = false;
  const open = (): void => {
    isOpen = true;
    sink.open();
  };
  await calls.stream(
    chat.call,
    { ...sink, open },
    {
      ...extras,
      onAdmitted: ({ headers }) => sink.setHeaders?.(headers),
      onData: (data) => {
        const chunk = chunkOf(data);
        if (!chunk) return;
        text += chunk.text;
        onChunk?.(chunk);
      },
      beforeEnd: async ({ target, spent }) => {
        await endOf(chat, storedAnswer(target, spent, text, 'completed'));
        return onStored({ target, spent });
      },
      onBroken: ({ target, spent, isCancelled }) => {
        if (!isOpen) return; // Then the call itself rejects, and whoever opened the chat ends it.
        const status = isCancelled ? 'cancelled' : 'broken';
        chat.endLater(target && text !== '' ? storedAnswer(target, spent, text, status) : nothingCame);
      },
    },
  );
}

/** The stream of a request that was answered before. */
export function streamAgain({ answer }: AnsweredChat, sink: TranslatingSink, opening: readonly object[] = []): void {
  sink.open();
  sink.say(opening);
  const chunk = { choices: [{ delta: { content: answer.content } }] };
  sink.writable.end(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
}

/** The vendor has answered and is paid by now, so that asking again would cost again. */
async function endOf(chat: OpenChat, answer: Answer): Promise<void> {
  try {
    await chat.end(answer);
  } catch (cause) {
    throw new AppError('unavailable', 'The answer could not be stored', { cause, sideEffectPossible: true });
  }
}

function storedAnswer({ provider, model }: Target, { usage }: Spent, text: string, status: Answer['status']): Answer {
  return { content: text, model, provider: provider.id, tokensUsed: usage.input + usage.output, status };
}

type Answered = { answer: CallAnswer; whole: WholeAnswer; startedAt: number };

function fieldsOf(chat: OpenChat, { answer: { target, spent }, whole, startedAt }: Answered): ChatResponseBody {
  const { input, output } = spent.usage;
  return {
    response: whole.text,
    provider: target.provider.id,
    model: target.model,
    usage: { input_tokens: input, output_tokens: output, total_tokens: input + output },
    response_time_ms: Math.round(performance.now() - startedAt),
    ...(chat.chosen.reasoning !== undefined && { reasoning: chat.chosen.reasoning }),
    fallback_used: target.isFallback,
    conversation_id: chat.conversationId,
    ...(whole.toolCalls.length > 0 && { tool_calls: whole.toolCalls }),
  };
}
