import { isObject, type JsonObject } from '#shared/json.ts';
import { CallerField } from '../caller-field.ts';
import type { Translation } from '../protocol.ts';
import { chatMessages } from './turns.ts';

/** Nothing is stored here, and nothing runs but the model: what needs either would be silently missing. */
const impossible = ['previous_response_id', 'conversation', 'prompt', 'moderation'];

/** A request for chat completions. docs/translation.md says what becomes of each field of a Responses request. */
export const chatRequest: Translation['request'] = (body, { model, outputLimitField }) => {
  const request = new CallerField(body);
  refuseWhatWouldBeLost(request);
  const limit = request.at('max_output_tokens').optionalCount();
  const user = request.at('safety_identifier').optionalString() ?? request.at('user').optionalString();
  return {
    model,
    messages: chatMessages(request),
    ...(limit !== undefined && { [outputLimitField]: limit }),
    ...toolsOf(request),
    ...samplingOf(request),
    ...outputOf(request),
    ...(user && { user }),
    ...(request.at('stream').optionalBoolean() && { stream: true, stream_options: { include_usage: true } }),
  };
};

function refuseWhatWouldBeLost(request: CallerField): void {
  for (const name of impossible) {
    const field = request.at(name);
    if (field.isGiven) throw field.invalid('cannot be used with this model');
  }
  const background = request.at('background');
  if (background.optionalBoolean()) throw background.invalid('cannot be used: no answer is stored');
  const logprobs = request.at('top_logprobs');
  if ((logprobs.optionalNumber() ?? 0) > 0) throw logprobs.invalid('cannot be had from this model');
  for (const included of request.at('include').optionalItems()) {
    if (included.string() === 'message.output_text.logprobs') throw included.invalid('cannot be had from this model');
  }
}

function toolsOf(request: CallerField): JsonObject {
  const choice = request.at('tool_choice');
  const tools = allowedTools(request.at('tools').optionalItems().map(functionTool), choice);
  if (tools.length === 0) {
    if (choice.isGiven && choice.value !== 'auto' && choice.value !== 'none') throw choice.invalid('needs tools');
    return {};
  }
  const isParallel = request.at('parallel_tool_calls').optionalBoolean();
  return {
    tools: tools.map((definition) => ({ type: 'function', function: definition })),
    ...(choice.isGiven && { tool_choice: choiceOf(choice) }),
    ...(isParallel !== undefined && { parallel_tool_calls: isParallel }),
  };
}

function functionTool(tool: CallerField): JsonObject & { name: string } {
  const type = tool.at('type');
  if (type.string() !== 'function') throw type.invalid('must be function for this model');
  const description = tool.at('description').optionalString();
  const parameters = tool.at('parameters');
  const strict = tool.at('strict').optionalBoolean();
  return {
    name: tool.at('name').string(),
    ...(description && { description }),
    ...(parameters.isGiven && { parameters: parameters.object() }),
    ...(strict !== undefined && { strict }),
  };
}

/** Not every vendor of chat completions knows `allowed_tools`, so the others are just not offered. */
function allowedTools<T extends { name: string }>(tools: T[], choice: CallerField): T[] {
  if (!isObject(choice.value) || choice.value['type'] !== 'allowed_tools') return tools;
  const items = choice.at('tools').items();
  const allowed = new Set(items.map((tool) => tool.at('name').string()));
  return tools.filter(({ name }) => allowed.has(name));
}

function choiceOf(choice: CallerField): unknown {
  if (typeof choice.value === 'string') return modeOf(choice);
  const type = choice.at('type');
  if (type.value === 'function') return { type: 'function', function: { name: choice.at('name').string() } };
  if (type.value === 'allowed_tools') return modeOf(choice.at('mode'));
  throw type.invalid('must be function or allowed_tools for this model');
}

function modeOf(mode: CallerField): string {
  const name = mode.string();
  if (!['auto', 'none', 'required'].includes(name)) throw mode.invalid('must be auto, none or required');
  return name;
}

function samplingOf(request: CallerField): JsonObject {
  const temperature = request.at('temperature').optionalNumber();
  const topP = request.at('top_p').optionalNumber();
  return { ...(temperature !== undefined && { temperature }), ...(topP !== undefined && { top_p: topP }) };
}

function outputOf(request: CallerField): JsonObject {
  const reasoning = request.at('reasoning');
  const effort = reasoning.isGiven ? reasoning.at('effort').optionalString() : undefined;
  const text = request.at('text');
  const format = text.isGiven ? responseFormat(text.at('format')) : undefined;
  const verbosity = text.isGiven ? text.at('verbosity').optionalString() : undefined;
  return {
    ...(effort && { reasoning_effort: effort }),
    ...(verbosity && { verbosity }),
    ...(format && { response_format: format }),
  };
}

function responseFormat(format: CallerField): JsonObject | undefined {
  if (!format.isGiven) return undefined;
  const type = format.at('type');
  if (type.value === 'text') return undefined;
  if (type.value === 'json_object') return { type: 'json_object' };
  if (type.value !== 'json_schema') throw type.invalid('must be text, json_schema or json_object');
  const description = format.at('description').optionalString();
  const strict = format.at('strict').optionalBoolean();
  return {
    type: 'json_schema',
    json_schema: {
      name: format.at('name').string(),
      ...(description && { description }),
      schema: format.at('schema').object(),
      ...(strict !== undefined && { strict }),
    },
  };
}
