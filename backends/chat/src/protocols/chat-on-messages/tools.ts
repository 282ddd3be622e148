import { isObject, type JsonObject } from '#shared/json.ts';
import type { CallerField } from '../caller-field.ts';
import { cacheControl } from './blocks.ts';

type ToolChoice = { type: string; name?: string; disable_parallel_tool_use?: boolean };

const choices: ReadonlyMap<string, string> = new Map([
  ['auto', 'auto'],
  ['required', 'any'],
  ['none', 'none'],
]);

/**
 * `tools` and `tool_choice` of the request. A history with tool calls needs their tools at Anthropic even where the
 * caller no longer offers any: they are then declared without parameters, and may not be called.
 */
export function toolsOf(request: CallerField, calledTools: ReadonlySet<string>): JsonObject {
  const choice = request.at('tool_choice');
  const tools = allowedTools(request.at('tools').optionalItems().map(functionTool), choice);
  if (tools.length > 0) return { tools, ...choiceOf(choice, request.at('parallel_tool_calls').optionalBoolean()) };
  if (choice.isGiven && choice.value !== 'auto' && choice.value !== 'none') throw choice.invalid('needs tools');
  if (calledTools.size === 0) return {};
  const declared = [...calledTools].map((name) => ({ name, input_schema: { type: 'object' } }));
  return { tools: declared, tool_choice: { type: 'none' } };
}

function functionTool(tool: CallerField): JsonObject & { name: string } {
  const type = tool.at('type');
  if (type.string() !== 'function') throw type.invalid('must be function for this model');
  const definition = tool.at('function');
  const description = definition.at('description').optionalString();
  const parameters = definition.at('parameters');
  return {
    name: definition.at('name').string(),
    ...(description && { description }),
    input_schema: { type: 'object', ...(parameters.isGiven && parameters.object()) },
    ...(definition.at('strict').optionalBoolean() && { strict: true }),
    ...cacheControl(tool),
  };
}

/** Only the tools that `{type: 'allowed_tools'}` names, where the choice is one. */
function allowedTools<T extends { name: string }>(tools: T[], choice: CallerField): T[] {
  if (!isObject(choice.value) || choice.value['type'] !== 'allowed_tools') return tools;
  const allowed = new Set(choice.at('allowed_tools').at('tools').items().map(nameOf));
  return tools.filter(({ name }) => allowed.has(name));
}

function choiceOf(choice: CallerField, isParallel: boolean | undefined): JsonObject {
  const wanted = wantedChoice(choice);
  if (isParallel !== false || wanted?.type === 'none') return wanted ? { tool_choice: wanted } : {};
  return { tool_choice: { ...(wanted ?? { type: 'auto' }), disable_parallel_tool_use: true } };
}

function wantedChoice(choice: CallerField): ToolChoice | undefined {
  if (!choice.isGiven) return undefined;
  if (typeof choice.value === 'string') return { type: choiceType(choice) };
  const type = choice.at('type');
  if (type.value === 'function') return { type: 'tool', name: nameOf(choice) };
  if (type.value === 'allowed_tools') return { type: choiceType(choice.at('allowed_tools').at('mode')) };
  throw type.invalid('must be function or allowed_tools for this model');
}

function choiceType(mode: CallerField): string {
  const type = choices.get(mode.string());
  if (!type) throw mode.invalid('must be auto, required or none');
  return type;
}

function nameOf(field: CallerField): string {
  return field.at('function').at('name').string();
}
