import { isObject, memberOf, type JsonObject } from '#shared/json.ts';
import type { TokenUsage } from '#shared/prices/money.ts';
import type { Protocol } from '../protocols/protocol.ts';

/** What a vendor said so far; streams tell input and output apart. */
export type ReportedUsage = Partial<TokenUsage>;

/** Reads the `usage` of an answer or an event of a protocol. Numbers that cannot be are as good as none. */
export function reportedUsage(protocol: Protocol, usage: unknown): ReportedUsage | undefined {
  return isObject(usage) ? readers[protocol](usage) : undefined;
}

/** Later reports win, number by number. */
export function mergeUsage(before: ReportedUsage | undefined, after: ReportedUsage | undefined): ReportedUsage {
  return { ...before, ...after };
}

/** Undefined where the vendor left out what the price depends on. */
export function completeUsage({ input, output, ...parts }: ReportedUsage): TokenUsage | undefined {
  if (input === undefined || output === undefined) return undefined;
  const cachedInput = Math.min(parts.cachedInput ?? 0, input);
  const cacheWrite = Math.min(parts.cacheWrite ?? 0, input - cachedInput);
  const cacheWriteLong = Math.min(parts.cacheWriteLong ?? 0, input - cachedInput - cacheWrite);
  return { input, cachedInput, output, ...(cacheWrite && { cacheWrite }), ...(cacheWriteLong && { cacheWriteLong }) };
}

const readers: Record<Protocol, (usage: JsonObject) => ReportedUsage> = {
  'chat-completions': openAiUsage,
  embeddings: (usage) => ({ ...openAiUsage(usage), output: 0 }),
  responses: (usage) =>
    counted({
      input: usage['input_tokens'],
      cachedInput: memberOf(usage['input_tokens_details'], 'cached_tokens'),
      cacheWrite: memberOf(usage['input_tokens_details'], 'cache_write_tokens'),
      output: usage['output_tokens'],
    }),
  messages: (usage) => ({ ...anthropicInput(usage), ...counted({ output: usage['output_tokens'] }) }),
  'count-tokens': () => ({ input: 0, output: 0 }),
};

function openAiUsage(usage: JsonObject): ReportedUsage {
  return counted({
    input: usage['prompt_tokens'],
    cachedInput: memberOf(usage['prompt_tokens_details'], 'cached_tokens'),
    cacheWrite: memberOf(usage['prompt_tokens_details'], 'cache_write_tokens'),
    output: usage['completion_tokens'],
  });
}

/** Anthropic counts input apart from what it wrote to its cache and from what it read there. */
function anthropicInput(usage: JsonObject): ReportedUsage {
  const fresh = count(usage['input_tokens']);
  if (fresh === undefined) return {};
  const written = count(usage['cache_creation_input_tokens']) ?? 0;
  const read = count(usage['cache_read_input_tokens']) ?? 0;
  const forLong = count(memberOf(usage['cache_creation'], 'ephemeral_1h_input_tokens')) ?? 0;
  return {
    input: fresh + written + read,
    cachedInput: read,
    cacheWrite: Math.max(written - forLong, 0),
    cacheWriteLong: Math.min(forLong, written),
  };
}

/** Those that are counts; what is missing stays missing, so that it replaces nothing that was said before. */
function counted(said: { [Name in keyof ReportedUsage]: unknown }): ReportedUsage {
  const usage: ReportedUsage = {};
  const [input, cachedInput] = [count(said.input), count(said.cachedInput)];
  const [cacheWrite, output] = [count(said.cacheWrite), count(said.output)];
  if (input !== undefined) usage.input = input;
  if (cachedInput !== undefined) usage.cachedInput = cachedInput;
  if (cacheWrite !== undefined) usage.cacheWrite = cacheWrite;
  if (output !== undefined) usage.output = output;
  return usage;
}

const most = 1_000_000_000;

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= most ? value : undefined;
}
