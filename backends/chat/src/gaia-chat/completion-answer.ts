import { AppError } from '#shared/http/error.ts';
import { isObject, memberOf, parsedJson, type JsonObject } from '#shared/json.ts';

export type ToolCall = JsonObject & { function: { name: string; arguments: string } };

export type WholeAnswer = { completion: JsonObject; text: string; toolCalls: ToolCall[] };

/** A part of a tool call; `index` tells which one it belongs to. */
export type ToolCallPiece = { index: number; name: string; arguments: string };

/** What of a chunk has a place in other vocabularies. */
export type Chunk = {
  id: unknown;
  created: unknown;
  text: string;
  toolCalls: ToolCallPiece[];
  error: string | undefined;
};

/** Reads a whole completion. A vendor's answer without a choice is nothing that could be shown. */
export function wholeAnswer(bytes: Uint8Array): WholeAnswer {
  const completion = objectIn(Buffer.from(bytes).toString('utf8'));
  const message = memberOf(firstOf(completion?.['choices']), 'message');
  if (!completion || !isObject(message)) {
    throw new AppError('upstream_failed', 'The provider sent an answer without content', { sideEffectPossible: true });
  }
  return { completion, text: textOf(message), toolCalls: listOf(message['tool_calls']).filter(isToolCall) };
}

/** One event of a stream of chunks; undefined for what is none, such as `[DONE]`. Never throws. */
export function chunkOf(data: string): Chunk | undefined {
  const chunk = objectIn(data);
  if (!chunk) return undefined;
  const delta = memberOf(firstOf(chunk['choices']), 'delta');
  const { id, created, error } = chunk;
  return {
    id,
    created,
    text: isObject(delta) ? textOf(delta) : '',
    toolCalls: isObject(delta) ? listOf(delta['tool_calls']).flatMap(toolCallPiece) : [],
    error:
      error === undefined || error === null ? undefined : stringOf(memberOf(error, 'message')) || 'no reason given',
  };
}

/** A refusal is what the user gets to read. Some vendors send parts, of which thoughts are not for the user. */
function textOf({ content, refusal }: JsonObject): string {
  const parts = Array.isArray(content) ? listOf(content).filter(({ type }) => type === 'text') : [];
  return stringOf(content) + parts.map(({ text }) => stringOf(text)).join('') + stringOf(refusal);
}

function toolCallPiece({ index, function: called }: JsonObject): ToolCallPiece[] {
  if (!isObject(called)) return [];
  const place = typeof index === 'number' ? index : 0;
  return [{ index: place, name: stringOf(called['name']), arguments: stringOf(called['arguments']) }];
}

function isToolCall(call: JsonObject): call is ToolCall {
  const called = call['function'];
  return isObject(called) && typeof called['name'] === 'string' && typeof called['arguments'] === 'string';
}

function objectIn(json: string): JsonObject | undefined {
  const value = parsedJson(json);
  return isObject(value) ? value : undefined;
}

function firstOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : undefined;
}

function listOf(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

function stringOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
