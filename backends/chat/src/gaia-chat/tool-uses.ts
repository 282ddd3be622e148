import type { Chunk } from './completion-answer.ts';

type ToolUse = { name: string; arguments: string };

/** Puts the tool calls together that come in pieces. */
export type ToolUses = { add: (chunk: Chunk) => void; all: () => ToolUse[] };

const most = 512;

export function createToolUses(): ToolUses {
  const uses = new Map<number, ToolUse>();
  return {
    add: (chunk) => {
      for (const { index = 0, function: called } of chunk.choices?.[0]?.delta?.tool_calls ?? []) {
        const { name, arguments: input } = uses.get(index) ?? { name: '', arguments: '' };
        if (uses.size === most && !uses.has(index)) return;
        uses.set(index, { name: name + (called?.name ?? ''), arguments: input + (called?.arguments ?? '') });
      }
    },
    all: () => [...uses.values()],
  };
}
