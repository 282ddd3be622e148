import { newId } from '#shared/id.ts';
import type { JsonObject } from '#shared/json.ts';
import { objectInText } from '../caller-field.ts';
import { type ChatAnswer, type ChatCall, type ChatUsage, readChatAnswer } from '../chat-answer-reader.ts';
import type { Translation } from '../protocol.ts';
import { garbage } from '../vendor-reading.ts';

/** Whatever is not here is an ordinary end. */
const stopReasons: ReadonlyMap<string, string> = new Map([
  ['length', 'max_tokens'],
  ['tool_calls', 'tool_use'],
  ['content_filter', 'refusal'],
]);

export const messageAnswer: Translation['answer'] = (answer) => {
  const chat = readChatAnswer(answer);
  return {
    ...messageHead(chat),
    content: [...texts(chat), ...chat.calls.flatMap((call) => toolUses(call, chat.finishReason))],
    stop_reason: chat.refusal ? 'refusal' : stopReason(chat.finishReason),
    usage: fullUsage(messageUsage(chat.usage ?? noUsage)),
  };
};

/** A message of which only the beginning is known. Which stop sequence it was, chat completions do not say. */
export function messageHead({ id, model }: Pick<ChatAnswer, 'id' | 'model'>): JsonObject {
  return {
    id: id ? `msg_${id}` : newId('msg'),
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    stop_details: null,
    container: null,
    diagnostics: null,
  };
}

export function stopReason(finishReason: string): string {
  return stopReasons.get(finishReason) ?? 'end_turn';
}

export const noUsage: ChatUsage = { prompt: 0, cached: 0, written: 0, completion: 0, reasoning: 0 };

/** Anthropic counts the cache beside the prompt, OpenAI among it. */
export function messageUsage({ prompt, cached, written, completion, reasoning }: ChatUsage): JsonObject {
  return {
    input_tokens: Math.max(prompt - cached - written, 0),
    cache_creation_input_tokens: written,
    cache_read_input_tokens: cached,
    output_tokens: completion,
    output_tokens_details: { thinking_tokens: reasoning },
    server_tool_use: null,
  };
}

export function fullUsage(usage: JsonObject): JsonObject {
  return { ...usage, cache_creation: null, inference_geo: null, service_tier: null, speed: null };
}

function texts({ reasoning, text, refusal }: ChatAnswer): JsonObject[] {
  return [
    ...(reasoning ? [{ type: 'thinking', thinking: reasoning, signature: '' }] : []),
    ...[text, refusal].filter(Boolean).map((text) => ({ type: 'text', text, citations: null })),
  ];
}

/** Arguments that the output limit cut off are no call; any others that cannot be read are the vendor's mistake. */
function toolUses({ id, name, arguments: json }: ChatCall, finishReason: string): JsonObject[] {
  const input = objectInText(json);
  if (input) return [{ type: 'tool_use', id, name, input, caller: { type: 'direct' } }];
  if (finishReason === 'length') return [];
  throw garbage('the arguments of a tool call are not a JSON object');
}
