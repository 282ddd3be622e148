import type { Translation } from '../protocol.ts';
import { messageAnswer } from './answer.ts';
import { chatRequest } from './request.ts';
import { MessageEventsOfChat } from './stream.ts';

/** Anthropic's Messages for a vendor who speaks OpenAI's chat completions. */
export const messagesOnChat: Translation = {
  caller: 'messages',
  vendor: 'chat-completions',
  request: chatRequest,
  answer: messageAnswer,
  stream: (body) => new MessageEventsOfChat(body),
};
