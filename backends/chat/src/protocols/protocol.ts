import type { JsonObject } from '#shared/json.ts';

/**
 * What can be spoken with a vendor. `count-tokens` belongs to Anthropic's Messages and is never streamed, like
 * `embeddings`.
 */
export const protocols = ['chat-completions', 'responses', 'messages', 'embeddings', 'count-tokens'] as const;
export type Protocol = (typeof protocols)[number];

/** One event of a stream: its `event` field (`message` where absent) and its `data`. */
export type ServerSentEvent = { event: string; data: string };

/** Turns a vendor's events into the caller's, one at a time and in order. */
export type EventTranslator = {
  /**
   * The caller's bytes for one vendor event: no, one or several whole events, framed. Throws an AppError where the
   * vendor's event is an error or is not what its protocol says.
   */
  push: (event: ServerSentEvent) => string;
};

export type TranslationOptions = {
  model: string;
  maxOutputTokens: number;
  outputLimitField: 'max_tokens' | 'max_completion_tokens';
};

/**
 * Lets a caller who speaks `caller` use a vendor who speaks `vendor`. Pure: nothing here knows HTTP, time or money.
 */
export type Translation = {
  caller: Protocol;
  vendor: Protocol;
  /**
   * The caller's request for the vendor. What cannot be carried over, and would change the meaning when left out, is
   * refused with `validation_failed` that names the field. `maxOutputTokens`: what to ask for where the vendor wants a
   * limit and the caller gave none. `outputLimitField`: what a vendor of chat completions calls that limit.
   */
  request: (body: JsonObject, options: TranslationOptions) => JsonObject;
  /** The vendor's whole answer for the caller, who asked with `body`. */
  answer: (answer: JsonObject, body: JsonObject) => JsonObject;
  /** A translator for one stream, whose caller asked with `body`. */
  stream: (body: JsonObject) => EventTranslator;
};
