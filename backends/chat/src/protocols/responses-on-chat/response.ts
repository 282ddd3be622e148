import { newId } from '#shared/id.ts';
import type { JsonObject } from '#shared/json.ts';
import type { ChatAnswer, ChatUsage } from '../chat-answer-reader.ts';

/** Why an answer is not complete, by the finish reason of chat completions. */
const incompleteReasons: ReadonlyMap<string, string> = new Map([
  ['length', 'max_output_tokens'],
  ['content_filter', 'content_filter'],
]);

export type ResponseHead = Pick<ChatAnswer, 'created' | 'model'> & {
  /** What the ids of the response and of its items have in common. */
  id: string;
};

export function headOf({ id, created, model }: Pick<ChatAnswer, 'id' | 'created' | 'model'>): ResponseHead {
  return { id: id || newId('chat'), created, model };
}

/** What OpenAI repeats of the request, and what it says where the caller said nothing. */
const repeated: JsonObject = {
  instructions: null,
  max_output_tokens: null,
  metadata: {},
  parallel_tool_calls: true,
  reasoning: { effort: null, summary: null },
  temperature: null,
  text: { format: { type: 'text' } },
  tool_choice: 'auto',
  tools: [],
  top_p: null,
};

export function responseInProgress(head: ResponseHead, body: JsonObject): JsonObject {
  return {
    id: `resp_${head.id}`,
    object: 'response',
    created_at: head.created,
    status: 'in_progress',
    model: head.model || body['model'],
    ...Object.fromEntries(Object.entries(repeated).map(([name, unsaid]) => [name, body[name] ?? unsaid])),
    background: false,
    error: null,
    incomplete_details: null,
    output: [],
    previous_response_id: null,
    store: false,
    truncation: 'disabled',
    usage: null,
  };
}

export type Ending = { finishReason: string; usage: ChatUsage | null };

export function endedResponse(begun: JsonObject, output: JsonObject[], { finishReason, usage }: Ending): JsonObject {
  const reason = incompleteReasons.get(finishReason);
  return {
    ...begun,
    status: reason ? 'incomplete' : 'completed',
    incomplete_details: reason ? { reason } : null,
    output,
    usage: usage && responseUsage(usage),
  };
}

function responseUsage({ prompt, cached, written, completion, reasoning }: ChatUsage): JsonObject {
  return {
    input_tokens: prompt,
    input_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
    output_tokens: completion,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens: prompt + completion,
  };
}

export type ItemStatus = 'in_progress' | 'completed' | 'incomplete';

export function reasoningItem(id: string, text: string, status: ItemStatus): JsonObject {
  return { id, type: 'reasoning', summary: text ? [summaryPart(text)] : [], status };
}

export function messageItem(id: string, content: JsonObject[], status: ItemStatus): JsonObject {
  return { id, type: 'message', status, role: 'assistant', content };
}

export function callItem(
  { id, callId, name }: { id: string; callId: string; name: string },
  args: string,
  status: ItemStatus,
): JsonObject {
  return { id, type: 'function_call', status, call_id: callId, name, arguments: args };
}

export function summaryPart(text: string): JsonObject {
  return { type: 'summary_text', text };
}

export function textPart(kind: 'text' | 'refusal', text: string): JsonObject {
  if (kind === 'refusal') return { type: 'refusal', refusal: text };
  return { type: 'output_text', annotations: [], logprobs: [], text };
}
