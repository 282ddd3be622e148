import * as z from 'zod';
import { AppError } from '#shared/http/error.ts';

const ToolCall = z.object({ function: z.object({ name: z.string(), arguments: z.string() }) });

const Completion = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        message: z.looseObject({ content: z.string().nullish(), tool_calls: z.array(ToolCall).nullish() }),
      }),
    )
    .min(1),
});

const Chunk = z.looseObject({
  choices: z
    .array(
      z.looseObject({
        delta: z
          .looseObject({
            content: z.string().nullish(),
            tool_calls: z
              .array(
                z.looseObject({
                  index: z.number().optional(),
                  function: z.looseObject({ name: z.string().nullish(), arguments: z.string().nullish() }).optional(),
                }),
              )
              .nullish(),
          })
          .nullish(),
      }),
    )
    .nullish(),
  error: z.looseObject({ message: z.string(), code: z.string().nullish() }).optional(),
});

export type Chunk = z.output<typeof Chunk>;

export type WholeAnswer = { completion: z.output<typeof Completion>; text: string };

/** Reads a whole completion. A vendor's answer without a choice is nothing that could be shown. */
export function wholeAnswer(bytes: Uint8Array): WholeAnswer {
  const parsed = Completion.safeParse(parsedOrNothing(Buffer.from(bytes).toString('utf8')));
  if (!parsed.success) {
    throw new AppError('upstream_failed', 'The provider sent an answer without content', { sideEffectPossible: true });
  }
  return { completion: parsed.data, text: parsed.data.choices[0]?.message.content ?? '' };
}

/** One event of a stream of chunks; undefined for what is none, such as `[DONE]`. */
export function chunkOf(data: string): Chunk | undefined {
  const parsed = Chunk.safeParse(parsedOrNothing(data));
  return parsed.success ? parsed.data : undefined;
}

export function textOf(chunk: Chunk): string {
  return chunk.choices?.[0]?.delta?.content ?? '';
}

function parsedOrNothing(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
