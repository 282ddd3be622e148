import type { ChatRequestBody } from '#shared/contracts/chat.ts';
import type { JsonObject } from '#shared/json.ts';
import type { Target } from '../calls/call.ts';
import { windowOf } from '../conversations/window.ts';

/** What the earlier system's clients are used to. */
const defaults = { temperature: 0.7, maxTokens: 2_000 };

export type CompletionParts = {
  request: ChatRequestBody;
  systemPrompt: string;
  /** What was said, the newest last, in OpenAI's shape. */
  messages: readonly (JsonObject & { role: string })[];
  /** Whether the oldest may be left out where they do not fit. */
  isWindowed: boolean;
  isStream: boolean;
};

/** OpenAI's own fields, which are sent as they came. */
const passedOn = [
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'top_p',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'logprobs',
  'top_logprobs',
  'seed',
  'user',
  'metadata',
] as const satisfies (keyof ChatRequestBody)[];

/** The request as one model gets it, in OpenAI's protocol; other providers have it translated. */
export function completionRequest(parts: CompletionParts, { model, card, provider }: Target): JsonObject {
  const { request, messages, isWindowed, isStream } = parts;
  const system = withActivity(parts.systemPrompt, request.activity);
  const maxTokens = isWindowed ? windowTokens(card) : Infinity;
  const limit = request.max_completion_tokens || request.max_tokens || defaults.maxTokens;
  return {
    model,
    messages: windowOf(messages, { system, maxTokens }),
    [provider.outputLimitField]: Math.min(limit, card.maxOutputTokens ?? Infinity),
    ...temperatureOf(request, card),
    ...givenOf(request),
    ...(isStream && { stream: true, ...(request.stream_options && { stream_options: request.stream_options }) }),
  };
}

/** What a long conversation may cost with every message, whatever the model could hold. */
const maxWindowTokens = 32_000;

function windowTokens({ contextWindow, maxOutputTokens }: Target['card']): number {
  if (contextWindow === null) return maxWindowTokens;
  return Math.min(Math.max(contextWindow - Math.min(maxOutputTokens ?? 0, contextWindow / 2), 1), maxWindowTokens);
}

/** Models that reason take none but their own. */
function temperatureOf({ temperature }: ChatRequestBody, { capabilities }: Target['card']): JsonObject {
  if (typeof temperature === 'number') return { temperature };
  return capabilities.includes('reasoning') ? {} : { temperature: defaults.temperature };
}

function givenOf(request: ChatRequestBody): JsonObject {
  const given: JsonObject = {};
  for (const name of passedOn) {
    const value = request[name];
    const isEmptyList = Array.isArray(value) && value.length === 0;
    if (value !== undefined && value !== null && !isEmptyList) given[name] = value;
  }
  return given;
}

function withActivity(prompt: string, activity: string | null | undefined): string {
  if (!activity || activity === 'generic') return prompt;
  return `${prompt}\n\nThe user's current activity: ${JSON.stringify(activity)}.`;
}
