import { isObject, type JsonObject } from '#shared/json.ts';
import { CallerField } from '../caller-field.ts';
import type { Translation } from '../protocol.ts';
import { toolsOf } from './tools.ts';
import { conversationOf } from './turns.ts';

/** Anthropic's effort goes from `low` to `max`; `none` is no thinking at all. */
const efforts: ReadonlyMap<string, JsonObject> = new Map(
  Object.entries({
    none: { thinking: { type: 'disabled' } },
    minimal: adaptive('low'),
    low: adaptive('low'),
    medium: adaptive('medium'),
    high: adaptive('high'),
    xhigh: adaptive('xhigh'),
    max: adaptive('max'),
  }),
);

/** The request to Anthropic. docs/translation.md says what becomes of each of OpenAI's fields. */
export const messagesRequest: Translation['request'] = (body, { model, maxOutputTokens }) => {
  const request = new CallerField(body);
  refuseWhatWouldBeLost(request);
  const { system, turns, calledTools } = conversationOf(request.at('messages'));
  const tools = toolsOf(request, calledTools);
  return {
    model,
    max_tokens: outputLimit(request) ?? maxOutputTokens,
    ...(system.length > 0 && { system }),
    messages: turns,
    ...tools,
    ...samplingOf(request),
    ...outputOf(request, tools['tool_choice']),
    ...userOf(request),
    ...(request.at('stream').optionalBoolean() && { stream: true }),
  };
};

/** Whatever else Anthropic does not know is left out: it only tunes what the model would do anyway. */
function refuseWhatWouldBeLost(request: CallerField): void {
  const n = request.at('n');
  if ((n.optionalNumber() ?? 1) !== 1) throw n.invalid('must be 1: this model gives one answer at a time');
  const logprobs = request.at('logprobs');
  if (logprobs.optionalBoolean()) throw logprobs.invalid('cannot be had from this model');
  const bias = request.at('logit_bias');
  if (bias.isGiven && Object.keys(bias.object()).length > 0) throw bias.invalid('cannot be applied by this model');
  const modalities = request.at('modalities');
  if (modalities.optionalItems().some(({ value }) => value !== 'text')) throw modalities.invalid('may be text only');
  for (const name of ['audio', 'functions', 'function_call', 'web_search_options', 'moderation']) {
    const field = request.at(name);
    if (field.isGiven) throw field.invalid('cannot be used with this model');
  }
}

function outputLimit(request: CallerField): number | undefined {
  return request.at('max_completion_tokens').optionalCount() ?? request.at('max_tokens').optionalCount();
}

/** OpenAI's temperature goes to 2, Anthropic's to 1, and both mean the same up to there. */
function samplingOf(request: CallerField): JsonObject {
  const temperature = request.at('temperature').optionalNumber();
  const topP = request.at('top_p').optionalNumber();
  const topK = request.at('top_k').optionalCount();
  const stop = stopSequences(request.at('stop'));
  return {
    ...(temperature !== undefined && { temperature: Math.min(temperature, 1) }),
    ...(topP !== undefined && { top_p: topP }),
    ...(topK !== undefined && { top_k: topK }),
    ...(stop.length > 0 && { stop_sequences: stop }),
  };
}

function stopSequences(stop: CallerField): string[] {
  if (typeof stop.value === 'string') return [stop.value];
  return stop.optionalItems().map((sequence) => sequence.string());
}

function outputOf(request: CallerField, toolChoice: unknown): JsonObject {
  const format = outputFormat(request.at('response_format'));
  const { thinking, effort } = reasoningOf(request, forcesTool(toolChoice));
  return {
    ...(thinking !== undefined && { thinking }),
    ...((format || effort !== undefined) && {
      output_config: { ...(effort !== undefined && { effort }), ...(format && { format }) },
    }),
  };
}

/**
 * `thinking` is Anthropic's own field, for callers who want more than `reasoning_effort` can say. Anthropic does not let
 * a model think that must call a tool, so then an effort is only an effort.
 */
function reasoningOf(request: CallerField, isForced: boolean): { thinking?: unknown; effort?: unknown } {
  const field = request.at('reasoning_effort');
  const name = field.optionalString();
  const wanted = name === undefined ? {} : efforts.get(name);
  if (!wanted) throw field.invalid(`must be one of ${[...efforts.keys()].join(', ')}`);
  const thinking = request.at('thinking');
  if (thinking.isGiven) return { ...wanted, thinking: thinking.object() };
  return isForced ? { effort: wanted['effort'] } : wanted;
}

function forcesTool(choice: unknown): boolean {
  return isObject(choice) && (choice['type'] === 'any' || choice['type'] === 'tool');
}

function outputFormat(format: CallerField): JsonObject | undefined {
  if (!format.isGiven) return undefined;
  const type = format.at('type');
  if (type.value === 'text') return undefined;
  if (type.value !== 'json_schema') throw type.invalid('must be text or json_schema for this model');
  return { type: 'json_schema', schema: format.at('json_schema').at('schema').object() };
}

function userOf(request: CallerField): JsonObject {
  const user = request.at('safety_identifier').optionalString() ?? request.at('user').optionalString();
  return user ? { metadata: { user_id: user } } : {};
}

function adaptive(effort: string): JsonObject {
  return { thinking: { type: 'adaptive' }, effort };
}
