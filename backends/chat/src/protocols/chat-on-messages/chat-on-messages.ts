import type { Translation } from '../protocol.ts';
import { chatAnswer } from './answer.ts';
import { messagesRequest } from './request.ts';
import { ChatChunksOfMessages } from './stream.ts';

/** OpenAI's chat completions for a vendor who speaks Anthropic's Messages. */
export const chatOnMessages: Translation = {
  caller: 'chat-completions',
  vendor: 'messages',
  request: messagesRequest,
  answer: chatAnswer,
  stream: () => new ChatChunksOfMessages(),
};
