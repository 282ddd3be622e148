import type { JsonObject } from '#shared/json.ts';
import type { CallerField } from '../caller-field.ts';
import { blockParts, contentParts, joinedText, plainText, textParts } from './parts.ts';

/** Thoughts are signed for their own vendor; no other can take them back. */
const thoughts = new Set<unknown>(['thinking', 'redacted_thinking']);

/** Anthropic's system prompt and turns as OpenAI's list of messages. */
export function chatMessages(request: CallerField): JsonObject[] {
  return [
    ...systemMessage(request.at('system')),
    ...request
      .at('messages')
      .items()
      .flatMap((turn) => {
        const role = turn.at('role');
        const content = turn.at('content');
        if (role.value === 'user') return userMessages(content);
        if (role.value === 'assistant') return assistantMessage(content);
        if (role.value === 'system') return systemMessage(content);
        throw role.invalid('must be user, assistant or system');
      }),
  ];
}

function systemMessage(content: CallerField): JsonObject[] {
  const text = plainText(content);
  return text === '' ? [] : [{ role: 'system', content: text }];
}

/** Results of tools are messages of their own, and must stand right behind the calls: before what the user says. */
function userMessages(content: CallerField): JsonObject[] {
  if (!Array.isArray(content.value)) return userMessage(contentParts(content));
  const results: JsonObject[] = [];
  const parts: JsonObject[] = [];
  for (const block of content.items()) {
    if (block.at('type').value === 'tool_result') results.push(toolMessage(block, parts));
    else for (const part of blockParts(block)) parts.push(part);
  }
  return [...results, ...userMessage(parts)];
}

function userMessage(parts: JsonObject[]): JsonObject[] {
  if (parts.length === 0) return [];
  const [first] = parts;
  return [{ role: 'user', content: parts.length === 1 && first?.['type'] === 'text' ? first['text'] : parts }];
}

/** OpenAI's tool messages hold text only: images and files of a result become the user's, with a word on their origin. */
function toolMessage(block: CallerField, userParts: JsonObject[]): JsonObject {
  const id = block.at('tool_use_id').string();
  const parts = contentParts(block.at('content'));
  const attachments = parts.filter(({ type }) => type !== 'text');
  if (attachments.length > 0) userParts.push(...textParts(`Attached to the result of the tool call ${id}:`));
  for (const attachment of attachments) userParts.push(attachment);
  const text = joinedText(
    parts.filter(({ type }) => type === 'text'),
    '\n\n',
  );
  return { role: 'tool', tool_call_id: id, content: block.at('is_error').optionalBoolean() ? `Error: ${text}` : text };
}

function assistantMessage(content: CallerField): JsonObject[] {
  if (!Array.isArray(content.value)) return spoken(contentParts(content), []);
  const parts: JsonObject[] = [];
  const calls: JsonObject[] = [];
  for (const block of content.items()) {
    const type = block.at('type');
    if (type.value === 'tool_use') calls.push(toolCall(block));
    else if (type.value === 'text') parts.push(...blockParts(block));
    else if (!thoughts.has(type.value)) throw type.invalid('cannot be given to this model');
  }
  return spoken(parts, calls);
}

function spoken(parts: JsonObject[], calls: JsonObject[]): JsonObject[] {
  if (parts.length === 0 && calls.length === 0) return [];
  const content = parts.length > 0 ? joinedText(parts, '') : null;
  return [{ role: 'assistant', content, ...(calls.length > 0 && { tool_calls: calls }) }];
}

function toolCall(block: CallerField): JsonObject {
  const input = block.at('input');
  return {
    id: block.at('id').string(),
    type: 'function',
    function: { name: block.at('name').string(), arguments: JSON.stringify(input.isGiven ? input.object() : {}) },
  };
}
