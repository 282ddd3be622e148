import { newId } from '#shared/id.ts';
import type { JsonObject } from '#shared/json.ts';
import { nowInSeconds } from './now-in-seconds.ts';
import { vendorErrorEvent } from './vendor-error-event.ts';
import { countOf, garbage, objectOf, optionalArray, optionalObject, optionalText, textOf } from './vendor-reading.ts';

export type ChatUsage = { prompt: number; cached: number; written: number; completion: number; reasoning: number };

export type ChatCall = { id: string; name: string; arguments: string };

/** What of a chat completion has a place in the other protocols. Only the first choice: one answer was asked for. */
export type ChatAnswer = {
  id: string;
  created: number;
  model: string;
  reasoning: string;
  text: string;
  refusal: string;
  calls: ChatCall[];
  finishReason: string;
  /** Null where the vendor did not say. */
  usage: ChatUsage | null;
};

export function readChatAnswer(answer: JsonObject): ChatAnswer {
  if (answer['error'] !== undefined && answer['error'] !== null) throw vendorErrorEvent(answer['error']);
  const [choice] = optionalArray(answer['choices'], 'choices');
  if (choice === undefined) throw garbage('it has no choices');
  const { message: said, finish_reason: reason } = objectOf(choice, 'a choice');
  const message = objectOf(said, 'the message');
  const calls = optionalArray(message['tool_calls'], 'tool_calls').map(readCall);
  return {
    ...readHead(answer),
    reasoning: reasoningText(message),
    text: optionalText(message['content'], 'content'),
    refusal: optionalText(message['refusal'], 'refusal'),
    calls,
    finishReason: finishReasonOf(optionalText(reason, 'finish_reason'), calls.length),
    usage: readChatUsage(answer['usage']),
  };
}

/** Vendors that are merely compatible leave some of these out, or write them in their own way. */
export function readHead({ id, created, model }: JsonObject): Pick<ChatAnswer, 'id' | 'created' | 'model'> {
  return {
    id: typeof id === 'string' ? id.replace(/^chatcmpl-/, '') : '',
    created: typeof created === 'number' ? Math.floor(created) : nowInSeconds(),
    model: typeof model === 'string' ? model : '',
  };
}

export function readChatUsage(value: unknown): ChatUsage | null {
  const usage = optionalObject(value, 'usage');
  if (!usage) return null;
  const prompt = optionalObject(usage['prompt_tokens_details'], 'prompt_tokens_details') ?? {};
  const completion = optionalObject(usage['completion_tokens_details'], 'completion_tokens_details') ?? {};
  return {
    prompt: countOf(usage['prompt_tokens'], 'prompt_tokens'),
    cached: countOf(prompt['cached_tokens'], 'cached_tokens'),
    written: countOf(prompt['cache_write_tokens'], 'cache_write_tokens'),
    completion: countOf(usage['completion_tokens'], 'completion_tokens'),
    reasoning: countOf(completion['reasoning_tokens'], 'reasoning_tokens'),
  };
}

/** OpenAI has no member for it; DeepSeek and vLLM say `reasoning_content`, OpenRouter and Groq `reasoning`. */
export function reasoningText(message: JsonObject): string {
  const text = message['reasoning_content'] ?? message['reasoning'];
  return typeof text === 'string' ? text : '';
}

/** Some vendors say `stop` where tools are called, or nothing at all. */
export function finishReasonOf(reason: string, calls: number): string {
  const isOrdinary = reason === '' || reason === 'stop' || reason === 'function_call';
  return isOrdinary && calls > 0 ? 'tool_calls' : reason || 'stop';
}

function readCall(value: unknown): ChatCall {
  const call = objectOf(value, 'a tool call');
  const called = objectOf(call['function'], 'the function of a tool call');
  return {
    id: optionalText(call['id'], 'the id of a tool call') || newId('call'),
    name: textOf(called['name'], 'the name of a tool'),
    arguments: optionalText(called['arguments'], 'the arguments of a tool call'),
  };
}
