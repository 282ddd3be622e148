import type { ConversationAnswer, ConversationMessageAnswer } from '#shared/contracts/chat-conversations.ts';
import { AppError } from '#shared/http/error.ts';

export type Conversation = {
  id: string;
  /** Null where nobody has said anything yet. */
  title: string | null;
  preview: string | null;
  createdAt: Date;
  updatedAt: Date;
};

export type FoundConversation = Conversation & { snippet: string; messageId: string | null };

/** Of a user's message: pending, completed or unanswered. Of an answer: completed, broken or cancelled. */
export type MessageStatus = 'pending' | 'unanswered' | 'completed' | 'broken' | 'cancelled';

export type Message = {
  id: string;
  role: string;
  content: string;
  /** The message as the caller structured it, where that is more than text. */
  parts: unknown;
  model: string | null;
  provider: string | null;
  tokensUsed: number | null;
  status: MessageStatus;
  createdAt: Date;
};

const untitled = 'New Conversation';

export function describeConversation(conversation: Conversation): ConversationAnswer {
  return {
    id: conversation.id,
    title: conversation.title ?? untitled,
    preview: conversation.preview,
    created_at: conversation.createdAt.toISOString(),
    updated_at: conversation.updatedAt.toISOString(),
  };
}

export function describeMessage(message: Message): ConversationMessageAnswer {
  return {
    id: message.id,
    role: message.role,
    content: message.content,
    model: message.model,
    provider: message.provider,
    tokens_used: message.tokensUsed,
    status: message.status,
    created_at: message.createdAt.toISOString(),
  };
}

/** The same words for a conversation that is missing and for somebody else's. */
export function conversationNotFound(): AppError {
  return new AppError('not_found', 'You have no such conversation');
}

/** The first words of a message, on one line, for whoever looks through a list. */
export function headingsOf(content: string): { title: string; preview: string } {
  const line = content.slice(0, 2_000).replaceAll(/\s+/g, ' ').trim();
  return { title: shortened(line, 60) || untitled, preview: shortened(line, 200) };
}

/** By code points, so that no character is cut in two. */
function shortened(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length
    ? text.toWellFormed()
    : `${characters.slice(0, length - 1).join('')}…`.toWellFormed();
}

/** What was said before, in OpenAI's shape: the input of `windowOf`. Vendors refuse messages without content. */
export function saidBefore(history: readonly Message[]): { role: string; content: unknown }[] {
  return history
    .filter(({ content, parts }) => content !== '' || parts !== null)
    .map(({ role, content, parts }) => ({ role, content: parts ?? content }));
}
