import { textOf, type Chunk } from './completion-answer.ts';
import type { Vocabulary } from './event-sink.ts';
import { createToolUses } from './tool-uses.ts';

/** What a stream in our own words tells beside the text, known only as it goes on. */
export type Told = {
  conversationId: string | null;
  startedAt: Date;
  parallelFetchMs: number;
  cacheHits: { persona: boolean; tools: boolean };
  /** Who answers now. */
  model: string;
  provider: string;
  reasoning: string | undefined;
  /** Of attempts that failed before the answer began. */
  failures: object[];
  isFallback: boolean;
  responseTimeMs: number;
  totalTokens: number;
};

/** The events of `POST /api/v0.2/chat/stream`. */
export function gaiaVocabulary(told: Told): Vocabulary {
  const toolUses = createToolUses();
  let length = 0;
  return {
    opening: () => [
      { type: 'start', timestamp: told.startedAt.toISOString(), conversation_id: told.conversationId },
      {
        type: 'ready',
        timestamp: new Date().toISOString(),
        parallel_fetch_ms: told.parallelFetchMs,
        cache_hits: told.cacheHits,
      },
      ...told.failures,
      { type: 'model_selection', model: told.model, provider: told.provider, reasoning: told.reasoning ?? null },
    ],
    chunk: (chunk) => {
      if (chunk.error) return [errorEvent(chunk.error.message, told.provider)];
      toolUses.add(chunk);
      const content = textOf(chunk);
      length += content.length;
      return content === '' ? [] : [{ type: 'content', content, provider: told.provider, model: told.model }];
    },
    closing: () => [
      ...toolUses
        .all()
        .map(({ name, arguments: input }) => ({ type: 'tool_use', tool: name, arguments: input, result: null })),
      {
        type: 'metadata',
        response_time_ms: told.responseTimeMs,
        fallback_used: told.isFallback,
        total_tokens: told.totalTokens,
      },
      { type: 'complete', timestamp: new Date().toISOString(), response_length: length },
    ],
  };
}

/** The events of `POST /api/v0.3/chat`. */
export function simpleVocabulary(told: Pick<Told, 'conversationId'>): Vocabulary {
  return {
    opening: () => [{ conversation_id: told.conversationId }],
    chunk: (chunk: Chunk) => {
      if (chunk.error) return [{ type: 'error', error: chunk.error.message }];
      const content = textOf(chunk);
      return content === '' ? [] : [{ type: 'content', content }];
    },
    closing: () => [{ type: 'done' }],
  };
}

export function errorEvent(error: string, provider: string, isFallbackAvailable = false): object {
  return { type: 'error', error, provider, fallback_available: isFallbackAvailable };
}
