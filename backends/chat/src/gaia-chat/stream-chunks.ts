import { randomUUID } from 'node:crypto';
import type { Spent, Target } from '../calls/call.ts';
import type { Calls } from '../calls/calls.ts';
import { fieldsAgain, streamChat, type ChatSink } from './answer-chat.ts';
import type { Chunk } from './completion-answer.ts';
import type { AnsweredChat, OpenChat } from './open-chat.ts';

type Head = Pick<Chunk, 'id' | 'created'>;

/**
 * A chat as OpenAI's chunks, which pass untouched. One more before `[DONE]` says in which conversation the answer was
 * stored; it has an empty choice, because there are clients that look into the first choice of every chunk.
 */
export async function streamChunks(calls: Calls, chat: OpenChat | AnsweredChat, sink: ChatSink): Promise<void> {
  if (chat.kind === 'answered') return sentAgain(chat, sink);
  let head: Head = ownHead();
  await streamChat(calls, chat, sink, {
    onChunk: ({ id, created }) => {
      if (typeof id === 'string') head = { id, created: typeof created === 'number' ? created : head.created };
    },
    onStored: (end) => event({ ...lastChunk(head, end.target.model), ...storedFields(chat, end) }),
  });
  return undefined;
}

function sentAgain(chat: AnsweredChat, sink: ChatSink): void {
  const { response, model, provider, conversation_id } = fieldsAgain(chat);
  const chunk = lastChunk(ownHead(), model);
  const choice = { index: 0, delta: { role: 'assistant', content: response }, finish_reason: 'stop' };
  sink.open();
  sink.complete?.();
  sink.writable.end(
    `${event({ ...chunk, choices: [choice] })}${event({ ...chunk, provider, conversation_id })}data: [DONE]\n\n`,
  );
}

function ownHead(): Head {
  return { id: `chatcmpl-${randomUUID()}`, created: Math.floor(Date.now() / 1_000) };
}

function lastChunk(head: Head, model: string): object {
  const choice = { index: 0, delta: {}, finish_reason: null };
  return { ...head, object: 'chat.completion.chunk', model, choices: [choice] };
}

function storedFields({ conversationId }: OpenChat, { target, spent }: { target: Target; spent: Spent }): object {
  const { input, output } = spent.usage;
  return {
    provider: target.provider.id,
    fallback_used: target.isFallback,
    conversation_id: conversationId,
    usage: { prompt_tokens: input, completion_tokens: output, total_tokens: input + output },
  };
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
