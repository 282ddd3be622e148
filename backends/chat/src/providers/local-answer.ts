import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { ProviderCall } from '../completion/chat-provider.ts';
import type { LocalOptions } from './local-options.ts';

/** Everything about an answer, decided before its first byte and by nothing but the request. */
export type LocalAnswer = {
  id: string;
  created: number;
  model: string;
  chunks: readonly string[];
  finishReason: 'stop' | 'length';
  includeUsage: boolean;
  usage: { prompt_tokens: number; completion_tokens: number; total_tokens: number };
};

const maxWords = 10_000;

const Content = z.union([z.string(), z.array(z.object({ text: z.string().optional() }))]).nullish();

const LocalRequest = z.object({
  messages: z.array(z.object({ role: z.string(), content: Content })),
  max_tokens: z.number().nullish(),
  max_completion_tokens: z.number().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
});

/** Plans the echo. A chunk counts as one token, four characters of the request as another. There is one choice only. */
export function planAnswer({ body, model }: ProviderCall, options: LocalOptions): LocalAnswer {
  const request = LocalRequest.parse(JSON.parse(Buffer.from(body).toString('utf8')));
  const texts = request.messages.map(({ role, content }) => ({ role, text: textOf(content) }));
  const said = texts.findLast(({ role }) => role === 'user')?.text ?? '';
  const wanted = wordsOf(`You said: ${said}`, options.chunks);
  const chunks = wanted.slice(0, request.max_completion_tokens ?? request.max_tokens ?? wanted.length);
  const promptTokens = texts.reduce((sum, { text }) => sum + Math.ceil(text.length / 4), 0);
  return {
    id: `chatcmpl-local-${createHash('sha256').update(body).digest('hex').slice(0, 24)}`,
    created: 0,
    model: `local/${model}`,
    chunks,
    finishReason: chunks.length < wanted.length ? 'length' : 'stop',
    includeUsage: request.stream_options?.include_usage ?? false,
    usage: {
      prompt_tokens: promptTokens,
      completion_tokens: chunks.length,
      total_tokens: promptTokens + chunks.length,
    },
  };
}

export function completionOf({ chunks, usage, finishReason, ...answer }: LocalAnswer): unknown {
  const message = { role: 'assistant', content: chunks.join(''), refusal: null };
  const choices = [{ index: 0, message, logprobs: null, finish_reason: finishReason }];
  return { ...headOf(answer), object: 'chat.completion', choices, usage };
}

export function chunkOf(answer: LocalAnswer, delta: unknown, finishReason: string | null): unknown {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason: finishReason }];
  return { ...headOf(answer), object: 'chat.completion.chunk', choices };
}

export function usageChunkOf(answer: LocalAnswer): unknown {
  return { ...headOf(answer), object: 'chat.completion.chunk', choices: [], usage: answer.usage };
}

function headOf({ id, created, model }: Pick<LocalAnswer, 'id' | 'created' | 'model'>): Record<string, unknown> {
  return { id, created, model };
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
