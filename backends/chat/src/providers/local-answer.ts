import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { ProviderCall } from '../completion/chat-provider.ts';
import type { LocalOptions } from './local-options.ts';
import { invalidLocalRequest } from './local-request.ts';
import { firstToolCall, type ToolCall } from './local-tools.ts';

/** Everything about an answer, decided before its first byte and by nothing but the request. */
export type LocalAnswer = {
  id: string;
  created: number;
  model: string;
  /** One for each chunk: a piece of the text, or of a tool's arguments. */
  pieces: readonly string[];
  /** The pieces are this tool's arguments; null: they are text. */
  tool: Omit<ToolCall, 'arguments'> | null;
  finishReason: 'stop' | 'length' | 'tool_calls';
  includeUsage: boolean;
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
};

const maxWords = 10_000;

const Content = z.union([z.string(), z.array(z.object({ text: z.string().optional() }))]).nullish();

const LocalRequest = z.object({
  messages: z.array(z.object({ role: z.string(), content: Content })),
  max_tokens: z.number().int().min(0).nullish(),
  max_completion_tokens: z.number().int().min(0).nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  tools: z.array(z.unknown()).nullish(),
  tool_choice: z.unknown().optional(),
});
type LocalRequest = z.infer<typeof LocalRequest>;

/** Plans the echo. A chunk counts as one token, four characters of the request as another. There is one choice only. */
export function planAnswer({ body, model }: ProviderCall, options: LocalOptions): LocalAnswer {
  const parsed = LocalRequest.safeParse(JSON.parse(Buffer.from(body).toString('utf8')));
  if (!parsed.success) throw invalidLocalRequest(parsed.error);
  const texts = parsed.data.messages.map(({ role, content }) => ({ role, text: textOf(content) }));
  const said = texts.findLast(({ role }) => role === 'user')?.text ?? '';
  const promptTokens = texts.reduce((sum, { text }) => sum + Math.ceil(text.length / 4), 0);
  const content = contentOf(parsed.data, said, options);
  return {
    ...content,
    id: `chatcmpl-local-${createHash('sha256').update(body).digest('hex').slice(0, 24)}`,
    created: 0,
    model: `local/${model}`,
    includeUsage: parsed.data.stream_options?.include_usage ?? false,
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: content.pieces.length,
      total_tokens: promptTokens + content.pieces.length,
    },
  };
}

function contentOf(
  request: LocalRequest,
  said: string,
  options: LocalOptions,
): Pick<LocalAnswer, 'pieces' | 'tool' | 'finishReason'> {
  const call = options.tools === 'call' ? calledTool(request, said) : null;
  const wanted = call ? piecesOf(call.arguments) : wordsOf(`You said: ${said}`, options.chunks);
  const pieces = wanted.slice(0, request.max_completion_tokens ?? request.max_tokens ?? wanted.length);
  const whole = call ? 'tool_calls' : 'stop';
  const tool = call && { id: call.id, name: call.name };
  return { pieces, tool, finishReason: pieces.length < wanted.length ? 'length' : whole };
}

export function completionOf({ pieces, tool, usage, finishReason, ...answer }: LocalAnswer): unknown {
  const content = pieces.join('');
  const message = tool
    ? { role: 'assistant', content: null, refusal: null, tool_calls: [wholeCall(tool, content)] }
    : { role: 'assistant', content, refusal: null };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason }];
  return { ...headOf(answer), object: 'chat.completion', choices, usage };
}

/** The delta before all pieces: who speaks, and which tool is called. */
export function firstDelta({ tool }: LocalAnswer): unknown {
  if (!tool) return { role: 'assistant', content: '' };
  return { role: 'assistant', content: null, tool_calls: [{ index: 0, ...wholeCall(tool, '') }] };
}

export function deltaOf({ tool }: LocalAnswer, piece: string): unknown {
  return tool ? { tool_calls: [{ index: 0, function: { arguments: piece } }] } : { content: piece };
}

export function chunkOf(answer: LocalAnswer, delta: unknown, finishReason: string | null): unknown {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finishReason }];
  return { ...headOf(answer), object: 'chat.completion.chunk', choices };
}

export function usageChunkOf(answer: LocalAnswer): unknown {
  return { ...headOf(answer), object: 'chat.completion.chunk', choices: [], usage: answer.usage };
}

/** Once the tool has answered there is nothing more to call, so that a loop of tools comes to its end. */
function calledTool({ messages, tools, tool_choice }: LocalRequest, said: string): ToolCall | null {
  if (!tools || tool_choice === 'none' || messages.at(-1)?.role === 'tool') return null;
  return firstToolCall(tools, said);
}

function wholeCall({ id, name }: Omit<ToolCall, 'arguments'>, json: string): object {
  return { id, type: 'function', function: { name, arguments: json } };
}

function headOf({ id, created, model }: Pick<LocalAnswer, 'id' | 'created' | 'model'>): Record<string, unknown> {
  return { id, created, model };
}

/** Pieces that mean nothing alone, as the arguments of a real model arrive. */
function piecesOf(text: string): string[] {
  return text.match(/.{1,4}/gsu) ?? [];
}

/** The words with the space that follows them, over again from the start where more are asked for than there are. */
function wordsOf(text: string, count: number | undefined): string[] {
  const words = text.match(/\S+\s*/g) ?? [text];
  return Array.from(
    { length: count ?? Math.min(words.length, maxWords) },
    (_, index) => words[index % words.length] ?? '',
  );
}

function textOf(content: z.infer<typeof Content>): string {
  if (typeof content === 'string') return content;
  return (content ?? []).map(({ text }) => text ?? '').join(' ');
}
