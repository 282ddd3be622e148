import type { Readable } from 'node:stream';

/** What is known of a model. What is not known is null: nothing here is a guess. */
export type ModelCard = {
  /** The provider's own name for it. */
  id: string;
  capabilities: readonly string[];
  maxTokens: number | null;
  contextWindow: number | null;
  /** Dollars for a million tokens. */
  pricing: { input: number; output: number } | null;
};

export type ProviderCall = {
  /** The provider's own name of the model, as it also stands in `body`. */
  model: string;
  /** The caller's OpenAI request, byte for byte but for a renamed model. */
  body: Uint8Array;
  requestId: string;
  /** Aborts when the client left or time is up; the call to the vendor must end with it. */
  signal: AbortSignal;
};

/** One source of completions. Both calls reject with an AppError that is fit for the caller. */
export type ChatProvider = {
  id: string;
  name: string;
  /** Whether `model` alone can mean this provider, or only `id/model`. */
  answersBareIds: boolean;
  models: readonly ModelCard[];
  /** The card of a model this provider serves, in any spelling that it knows. */
  find: (model: string) => ModelCard | undefined;
  /** A whole answer: OpenAI's JSON. */
  complete: (call: ProviderCall) => Promise<Uint8Array>;
  /** Resolves once the vendor accepted the request; the bytes are an OpenAI event stream as the vendor sends it. */
  stream: (call: ProviderCall) => Promise<Readable>;
  close: () => Promise<void>;
};
