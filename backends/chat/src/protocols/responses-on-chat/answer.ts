import type { JsonObject } from '#shared/json.ts';
import { type ChatAnswer, readChatAnswer } from '../chat-answer-reader.ts';
import type { Translation } from '../protocol.ts';
import {
  callItem,
  endedResponse,
  headOf,
  messageItem,
  reasoningItem,
  responseInProgress,
  textPart,
} from './response.ts';

export const responseAnswer: Translation['answer'] = (answer, body) => {
  const chat = readChatAnswer(answer);
  const head = headOf(chat);
  return endedResponse(responseInProgress(head, body), outputOf(chat, head.id), chat);
};

function outputOf({ reasoning, text, refusal, calls, finishReason }: ChatAnswer, id: string): JsonObject[] {
  const status = finishReason === 'length' ? 'incomplete' : 'completed';
  const parts = [...(text ? [textPart('text', text)] : []), ...(refusal ? [textPart('refusal', refusal)] : [])];
  const hasMessage = parts.length > 0 || calls.length === 0;
  return [
    ...(reasoning ? [reasoningItem(`rs_${id}`, reasoning, 'completed')] : []),
    ...(hasMessage ? [messageItem(`msg_${id}`, parts.length > 0 ? parts : [textPart('text', '')], status)] : []),
    ...calls.map((call, index) =>
      callItem({ id: `fc_${id}_${index}`, callId: call.id, name: call.name }, call.arguments, status),
    ),
  ];
}
