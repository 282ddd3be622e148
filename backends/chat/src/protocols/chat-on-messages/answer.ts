import type { JsonObject } from '#shared/json.ts';
import { nowInSeconds } from '../now-in-seconds.ts';
import type { Translation } from '../protocol.ts';
import { vendorErrorEvent } from '../vendor-error-event.ts';
import { countOf, jsonOf, objectOf, optionalArray, optionalObject, optionalText, textOf } from '../vendor-reading.ts';

/** Whatever is not here is an ordinary end: `pause_turn`, which only Anthropic's own tools cause, and what may come. */
const finishReasons: ReadonlyMap<string, string> = new Map([
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['tool_use', 'tool_calls'],
  ['refusal', 'content_filter'],
]);

export const chatAnswer: Translation['answer'] = (message) => {
  if (message['type'] === 'error') throw vendorErrorEvent(message['error']);
  const blocks = optionalArray(message['content'], 'content').map((block) => objectOf(block, 'a content block'));
  return {
    id: completionId(textOf(message['id'], 'id')),
    object: 'chat.completion',
    created: nowInSeconds(),
    model: textOf(message['model'], 'model'),
    choices: [
      {
        index: 0,
        message: assistantMessage(blocks, refusalOf(message)),
        logprobs: null,
        finish_reason: finishReason(message['stop_reason']),
      },
    ],
    usage: chatUsage(objectOf(message['usage'], 'usage')),
  };
};

export function finishReason(stopReason: unknown): string {
  return finishReasons.get(textOf(stopReason, 'stop_reason')) ?? 'stop';
}

/** Why the vendor's own filter ended the answer, where it says so. */
export function refusalOf(delta: JsonObject): string | null {
  const details = optionalObject(delta['stop_details'], 'stop_details');
  if (details?.['type'] !== 'refusal') return null;
  return optionalText(details['explanation'], 'explanation') || null;
}

/** OpenAI counts what was read from and written to the cache among the prompt, Anthropic beside it. */
export function chatUsage(usage: JsonObject): JsonObject {
  const cached = countOf(usage['cache_read_input_tokens'], 'cache_read_input_tokens');
  const written = countOf(usage['cache_creation_input_tokens'], 'cache_creation_input_tokens');
  const prompt = countOf(usage['input_tokens'], 'input_tokens') + cached + written;
  const completion = countOf(usage['output_tokens'], 'output_tokens');
  const details = optionalObject(usage['output_tokens_details'], 'output_tokens_details');
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
    ...(details && {
      completion_tokens_details: { reasoning_tokens: countOf(details['thinking_tokens'], 'thinking_tokens') },
    }),
  };
}

export function completionId(messageId: string): string {
  return `chatcmpl-${messageId.replace(/^msg_/, '')}`;
}

function assistantMessage(blocks: JsonObject[], refusal: string | null): JsonObject {
  const text = joined(blocks, 'text', 'text');
  const thinking = joined(blocks, 'thinking', 'thinking');
  const calls = blocks.filter(({ type }) => type === 'tool_use').map(toolCall);
  return {
    role: 'assistant',
    content: text === '' && (calls.length > 0 || refusal !== null) ? null : text,
    refusal,
    ...(thinking && { reasoning_content: thinking }),
    ...(calls.length > 0 && { tool_calls: calls }),
  };
}

function joined(blocks: JsonObject[], type: string, member: string): string {
  return blocks
    .filter((block) => block['type'] === type)
    .map((block) => textOf(block[member], member))
    .join('');
}

function toolCall(block: JsonObject): JsonObject {
  return {
    id: textOf(block['id'], 'the id of a tool call'),
    type: 'function',
    function: {
      name: textOf(block['name'], 'the name of a tool'),
      arguments: jsonOf(objectOf(block['input'], 'the input of a tool'), 'the input of a tool'),
    },
  };
}
