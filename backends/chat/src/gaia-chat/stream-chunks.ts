import type { Calls } from '../calls/calls.ts';
import { fieldsAgain, streamChat, type ChatSink } from './answer-chat.ts';
import type { AnsweredChat, OpenChat } from './open-chat.ts';

const chunk = { object: 'chat.completion.chunk' };

/** A chat as OpenAI's chunks. The last one before `[DONE]` says in which conversation it was stored. */
export async function streamChunks(calls: Calls, chat: OpenChat | AnsweredChat, sink: ChatSink): Promise<void> {
  if (chat.kind === 'answered') return sentAgain(chat, sink);
  await streamChat(calls, chat, sink, {
    onStored: ({ target, spent: { usage } }) =>
      event({
        ...chunk,
        model: target.model,
        choices: [],
        conversation_id: chat.conversationId,
        provider: target.provider.id,
        fallback_used: target.isFallback,
        usage: {
          prompt_tokens: usage.input,
          completion_tokens: usage.output,
          total_tokens: usage.input + usage.output,
        },
      }),
  });
  return undefined;
}

function sentAgain(chat: AnsweredChat, sink: ChatSink): void {
  const { response, model, conversation_id } = fieldsAgain(chat);
  const choice = { index: 0, delta: { role: 'assistant', content: response }, finish_reason: 'stop' };
  sink.open();
  sink.complete?.();
  sink.writable.end(
    event({ ...chunk, model, choices: [choice] }) +
      event({ ...chunk, model, choices: [], conversation_id }) +
      'data: [DONE]\n\n',
  );
}

function event(data: object): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
