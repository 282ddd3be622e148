import type { JsonObject } from '#shared/json.ts';
import type { CallerField } from '../caller-field.ts';
import { contentBlocks, textOnlyBlocks } from './blocks.ts';

type Turn = { role: 'user' | 'assistant'; content: JsonObject[] };

export type Conversation = {
  system: JsonObject[];
  turns: Turn[];
  /** The names of the tools that were called in it. */
  calledTools: ReadonlySet<string>;
};

/** Anthropic's conversations begin with the user; OpenAI's need not. */
const opening = { type: 'text', text: '(The conversation begins here.)' };

/**
 * OpenAI's list of messages as Anthropic's: instructions from anywhere in it go to the front, results of tools are the
 * user's, neighbours of one role become one turn, and messages without content are left out.
 */
export function conversationOf(messages: CallerField): Conversation {
  let system: JsonObject[] = [];
  const turns: Turn[] = [];
  const calledTools = new Set<string>();
  for (const message of messages.items()) {
    const role = message.at('role');
    const name = role.string();
    if (name === 'system' || name === 'developer') system = system.concat(textOnlyBlocks(message.at('content')));
    else if (name === 'user') append(turns, 'user', contentBlocks(message.at('content')));
    else if (name === 'assistant') append(turns, 'assistant', assistantBlocks(message, calledTools));
    else if (name === 'tool') append(turns, 'user', [toolResult(message)]);
    else throw role.invalid('must be system, developer, user, assistant or tool for this model');
  }
  if (turns[0]?.role !== 'user') turns.unshift({ role: 'user', content: [opening] });
  trimEnd(turns.at(-1));
  return { system, turns, calledTools };
}

/** Anthropic refuses a last turn of the assistant that ends with white space. */
function trimEnd(last: Turn | undefined): void {
  const block = last?.role === 'assistant' ? last.content.at(-1) : undefined;
  if (typeof block?.['text'] === 'string') block['text'] = block['text'].trimEnd();
}

function append(turns: Turn[], role: Turn['role'], blocks: JsonObject[]): void {
  if (blocks.length === 0) return;
  const last = turns.at(-1);
  if (last?.role !== role) {
    turns.push({ role, content: [...blocks] });
    return;
  }
  for (const block of blocks) last.content.push(block);
}

function assistantBlocks(message: CallerField, calledTools: Set<string>): JsonObject[] {
  if (message.at('function_call').isGiven) throw message.at('function_call').invalid('is outdated: use tool_calls');
  if (message.at('audio').isGiven) throw message.at('audio').invalid('cannot be given to this model');
  const refusal = message.at('refusal').optionalString();
  return [
    ...textOnlyBlocks(message.at('content')),
    ...(refusal ? [{ type: 'text', text: refusal }] : []),
    ...message
      .at('tool_calls')
      .optionalItems()
      .map((call) => toolUse(call, calledTools)),
  ];
}

function toolUse(call: CallerField, calledTools: Set<string>): JsonObject {
  const type = call.at('type');
  if (type.isGiven && type.string() !== 'function') throw type.invalid('must be function for this model');
  const called = call.at('function');
  const name = called.at('name').string();
  calledTools.add(name);
  return { type: 'tool_use', id: toolUseId(call.at('id')), name, input: called.at('arguments').objectInString() };
}

function toolResult(message: CallerField): JsonObject {
  const content = contentBlocks(message.at('content'));
  return {
    type: 'tool_result',
    tool_use_id: toolUseId(message.at('tool_call_id')),
    ...(content.length > 0 && { content }),
  };
}

/** Anthropic takes letters, digits, `_` and `-`; other vendors, whose calls may stand in the history, have more. */
function toolUseId(id: CallerField): string {
  return id.string().replaceAll(/[^\w-]/g, '_');
}
