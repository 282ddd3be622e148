import type { ChatRequestBody } from '#shared/contracts/chat.ts';
import { AppError } from '#shared/http/error.ts';
import type { JsonObject } from '#shared/json.ts';
import type { UserMessage } from '../conversations/turn-store.ts';

/** What the user says now, and the whole history where the caller keeps it. */
export type SplitMessages = {
  userMessage: UserMessage;
  messages: readonly (JsonObject & { role: string })[] | undefined;
};

export function splitMessages({ message, messages }: ChatRequestBody): SplitMessages {
  if (!messages?.length) return { userMessage: { content: message ?? '' }, messages: undefined };
  const said = [...messages, ...(message ? [{ role: 'user' as const, content: message }] : [])];
  const last = said.findLast(({ role }) => role === 'user');
  if (!last?.content?.length) {
    throw new AppError('validation_failed', 'messages: must hold a message of the user', {
      errors: [{ path: 'messages', message: 'must hold a message of the user' }],
    });
  }
  return { userMessage: asUserMessage(last.content), messages: said };
}

function asUserMessage(content: string | readonly JsonObject[]): UserMessage {
  if (typeof content === 'string') return { content };
  const texts = content.flatMap((part) => (typeof part['text'] === 'string' ? [part['text']] : []));
  return { content: texts.join('\n'), parts: content };
}
