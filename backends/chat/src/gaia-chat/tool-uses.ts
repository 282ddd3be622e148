import { parsedJson } from '#shared/json.ts';
import type { Chunk, ToolCallPiece } from './completion-answer.ts';

/** Puts the tool calls together that come in pieces. */
export type ToolUses = { add: (chunk: Chunk) => void; events: () => object[] };

type ToolUse = Omit<ToolCallPiece, 'index'>;

const most = 512;

/** Tools run at the client, so that a use has no result here; one whose arguments were cut off cannot run at all. */
export function createToolUses(): ToolUses {
  const uses = new Map<number, ToolUse>();
  return {
    add: ({ toolCalls }) => {
      for (const { index, name, arguments: input } of toolCalls) {
        const before = uses.get(index) ?? { name: '', arguments: '' };
        if (uses.size === most && !uses.has(index)) return;
        uses.set(index, { name: before.name + name, arguments: before.arguments + input });
      }
    },
    events: () => Array.from(uses.values(), eventOf),
  };
}

function eventOf({ name, arguments: input }: ToolUse): object {
  if (parsedJson(input || '{}') !== undefined)
    return { type: 'tool_use', tool: name, arguments: input || '{}', result: null };
  return { type: 'tool_error', tool: name, error: 'The arguments of this call are not JSON' };
}
