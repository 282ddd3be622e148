import type { Chunk } from './completion-answer.ts';
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
    ],
    chunk: (chunk) => {
      if (chunk.error !== undefined) return [errorEvent(chunk.error, told.provider)];
      toolUses.add(chunk);
      length += chunk.text.length;
      const { text: content } = chunk;
      return content === '' ? [] : [{ type: 'content', content, provider: told.provider, model: told.model }];
    },
    closing: () => [
      ...toolUses.events(),
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

export function modelSelection({ model, provider }: Told, reasoning: string): object {
  return { type: 'model_selection', model, provider, reasoning };
}

/** The events of `POST /api/v0.3/chat`. */
export function simpleVocabulary(told: Pick<Told, 'conversationId'>): Vocabulary {
  return {
    opening: () => [{ conversation_id: told.conversationId }],
    chunk: ({ error, text: content }: Chunk) => {
      if (error !== undefined) return [{ type: 'error', error }];
      return content === '' ? [] : [{ type: 'content', content }];
    },
    closing: () => [{ type: 'done' }],
  };
}

export function errorEvent(error: string, provider: string, isFallbackAvailable = false): object {
  return { type: 'error', error, provider, fallback_available: isFallbackAvailable };
}
