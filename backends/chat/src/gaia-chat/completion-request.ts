import type { ChatRequestBody } from '#shared/contracts/chat.ts';
import type { JsonObject } from '../protocols/protocol.ts';
import { windowOf } from '../conversations/window.ts';
import type { ChosenModels } from './chosen-models.ts';

/** What the earlier system's clients are used to. */
const defaults = { temperature: 0.7, maxTokens: 2_000 };

export type CompletionParts = {
  request: ChatRequestBody;
  chosen: ChosenModels;
  systemPrompt: string;
  /** What was said, the newest last, in OpenAI's shape. */
  messages: readonly (JsonObject & { role: string })[];
  /** Whether the oldest may be left out where they do not fit. */
  isWindowed: boolean;
};

/** The request that a model gets, in OpenAI's protocol; other providers have it translated. */
export function completionRequest(parts: CompletionParts): JsonObject & { model: string } {
  const { request, chosen, messages, isWindowed } = parts;
  const system = withActivity(parts.systemPrompt, request.activity);
  const limits = pace(request, chosen);
  const maxTokens = isWindowed ? windowTokens(chosen) : Infinity;
  return {
    model: chosen.model,
    messages: windowOf(messages, { system, maxTokens }),
    ...limits,
    ...(request.tools && { tools: request.tools }),
  };
}

/** What a long conversation may cost with every message, whatever the model could hold. */
const maxWindowTokens = 32_000;

function windowTokens({ card: { contextWindow, maxOutputTokens } }: ChosenModels): number {
  if (contextWindow === null) return maxWindowTokens;
  return Math.min(Math.max(contextWindow - Math.min(maxOutputTokens ?? 0, contextWindow / 2), 1), maxWindowTokens);
}

/** Models that reason take no temperature, and know the newer name of the limit only. */
function pace({ temperature, max_tokens: maxTokens }: ChatRequestBody, { card }: ChosenModels): JsonObject {
  const limit = Math.min(maxTokens ?? defaults.maxTokens, card.maxOutputTokens ?? Infinity);
  if (card.capabilities.includes('reasoning')) {
    return { max_completion_tokens: limit, ...(typeof temperature === 'number' && { temperature }) };
  }
  return { max_tokens: limit, temperature: temperature ?? defaults.temperature };
}

function withActivity(prompt: string, activity: string): string {
  return activity === 'generic' ? prompt : `${prompt}\n\nThe user's current activity: ${JSON.stringify(activity)}.`;
}
