import { createHash } from 'node:crypto';
import type { JsonObject } from '#shared/json.ts';
import { CallerField } from '../caller-field.ts';
import type { Translation } from '../protocol.ts';
import { chatMessages } from './turns.ts';

/** OpenAI takes no longer name of a user. */
const maxUserLength = 64;

const choices: ReadonlyMap<unknown, string> = new Map([
  ['auto', 'auto'],
  ['any', 'required'],
  ['none', 'none'],
]);

/** The request for OpenAI. docs/translation.md says what becomes of each of Anthropic's fields. */
export const chatRequest: Translation['request'] = (body, { model, outputLimitField }) => {
  const request = new CallerField(body);
  for (const name of ['container', 'mcp_servers', 'inference_geo']) {
    const field = request.at(name);
    if (field.isGiven) throw field.invalid('cannot be used with this model');
  }
  const maxTokens = request.at('max_tokens').optionalCount();
  const isStream = request.at('stream').optionalBoolean();
  return {
    model,
    messages: chatMessages(request),
    ...(maxTokens !== undefined && { [outputLimitField]: maxTokens }),
    ...toolsOf(request),
    ...samplingOf(request),
    ...outputOf(request),
    ...userOf(request.at('metadata')),
    ...(isStream && { stream: true, stream_options: { include_usage: true } }),
  };
};

function toolsOf(request: CallerField): JsonObject {
  const tools = request.at('tools').optionalItems().map(functionTool);
  if (tools.length === 0) return {};
  const choice = request.at('tool_choice');
  if (!choice.isGiven) return { tools };
  return {
    tools,
    tool_choice: choiceOf(choice),
    ...(choice.at('disable_parallel_tool_use').optionalBoolean() && { parallel_tool_calls: false }),
  };
}

function functionTool(tool: CallerField): JsonObject {
  const type = tool.at('type');
  if (type.isGiven && type.value !== 'custom') throw type.invalid('must be custom for this model');
  const description = tool.at('description').optionalString();
  return {
    type: 'function',
    function: {
      name: tool.at('name').string(),
      ...(description && { description }),
      parameters: tool.at('input_schema').object(),
      ...(tool.at('strict').optionalBoolean() && { strict: true }),
    },
  };
}

function choiceOf(choice: CallerField): unknown {
  const type = choice.at('type');
  if (type.value === 'tool') return { type: 'function', function: { name: choice.at('name').string() } };
  const mode = choices.get(type.value);
  if (!mode) throw type.invalid('must be auto, any, tool or none');
  return mode;
}

function samplingOf(request: CallerField): JsonObject {
  const temperature = request.at('temperature').optionalNumber();
  const topP = request.at('top_p').optionalNumber();
  const stop = request
    .at('stop_sequences')
    .optionalItems()
    .map((sequence) => sequence.string());
  return {
    ...(temperature !== undefined && { temperature }),
    ...(topP !== undefined && { top_p: topP }),
    ...(stop.length > 0 && { stop }),
  };
}

function outputOf(request: CallerField): JsonObject {
  const config = request.at('output_config');
  const configured = config.isGiven ? config.at('format') : request.at('output_format');
  const effort = effortOf(request.at('thinking'), config.isGiven ? config.at('effort').optionalString() : undefined);
  return {
    ...(effort && { reasoning_effort: effort }),
    ...(configured.isGiven && { response_format: responseFormat(configured) }),
  };
}

/** Without thinking nothing is said of effort: models that do not reason refuse every word about it. */
function effortOf(thinking: CallerField, effort: string | undefined): string | undefined {
  if (!thinking.isGiven) return effort;
  const type = thinking.at('type').string();
  if (type === 'disabled') return undefined;
  if (type !== 'enabled') return effort ?? 'high';
  return effort ?? effortOfBudget(thinking.at('budget_tokens').optionalCount() ?? 0);
}

function effortOfBudget(tokens: number): string {
  if (tokens < 4_096) return 'low';
  return tokens < 16_384 ? 'medium' : 'high';
}

function responseFormat(format: CallerField): JsonObject {
  const type = format.at('type');
  if (type.value !== 'json_schema') throw type.invalid('must be json_schema');
  return {
    type: 'json_schema',
    json_schema: { name: 'answer', schema: format.at('schema').object(), strict: true },
  };
}

function userOf(metadata: CallerField): JsonObject {
  const user = metadata.isGiven ? metadata.at('user_id').optionalString() : undefined;
  if (!user) return {};
  return { user: user.length <= maxUserLength ? user : createHash('sha256').update(user).digest('hex') };
}
