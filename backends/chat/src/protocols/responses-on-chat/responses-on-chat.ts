import type { Translation } from '../protocol.ts';
import { responseAnswer } from './answer.ts';
import { chatRequest } from './request.ts';
import { ResponseEventsOfChat } from './stream.ts';

/** OpenAI's Responses for a vendor who speaks chat completions only. */
export const responsesOnChat: Translation = {
  caller: 'responses',
  vendor: 'chat-completions',
  request: chatRequest,
  answer: responseAnswer,
  stream: (body) => new ResponseEventsOfChat(body),
};

/** Fields of a chat completion by what a Responses request calls them. */
export const namesInResponses: ReadonlyMap<string, string> = new Map([
  ['messages', 'input'],
  ['response_format', 'text.format'],
  ['reasoning_effort', 'reasoning.effort'],
]);
