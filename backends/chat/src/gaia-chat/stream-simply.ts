import type { Calls } from '../calls/calls.ts';
import { streamAgain, streamChat, type ChatSink } from './answer-chat.ts';
import { eventSink } from './event-sink.ts';
import type { AnsweredChat, OpenChat } from './open-chat.ts';
import { simpleVocabulary } from './vocabularies.ts';

/** A chat as the few events of v0.3. */
export async function streamSimply(calls: Calls, chat: OpenChat | AnsweredChat, sink: ChatSink): Promise<void> {
  const own = eventSink(sink, simpleVocabulary({ conversationId: chat.conversationId }));
  if (chat.kind === 'answered') return streamAgain(chat, own);
  return await streamChat(calls, chat, own, { opensAtOnce: true, onStored: () => '' });
}
