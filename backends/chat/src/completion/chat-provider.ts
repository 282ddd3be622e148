import type { Readable } from 'node:stream';
import type { Protocol, TranslationOptions } from '../protocols/protocol.ts';
import type { ModelCard } from './model-card.ts';

export type ProviderCall = {
  /** One that the provider speaks. */
  protocol: Protocol;
  /** The provider's own name of the model, as it also stands in `body`. */
  model: string;
  /** The request in that protocol. Where caller and vendor speak the same, the caller's own bytes. */
  body: Uint8Array;
  /** The caller's headers that the protocol knows (`anthropic-beta` and the like), in lower case. */
  headers: Readonly<Record<string, string>>;
  requestId: string;
  /** Aborts when the client left or time is up; the call to the vendor must end with it. */
  signal: AbortSignal;
};

/** One source of completions. Both calls reject with an AppError that is fit for the caller. */
export type ChatProvider = {
  id: string;
  name: string;
  /** Older names that requests may still use for `id`. */
  aliases: readonly string[];
  /** No model, and chosen only by those who name it or have nothing else. */
  isStandIn?: boolean;
  /** Whether `model` alone can mean this provider, or only `id/model`. */
  answersBareIds: boolean;
  /** What the vendor speaks by itself, the best first; anything else is translated to one of these. */
  speaks: readonly Protocol[];
  /** Whether the vendor fetches images by their URL itself; otherwise it wants their bytes. */
  fetchesImages: boolean;
  /** Whether it says in every stream of completions what was used, and may refuse to be asked for it. */
  tellsUsageUnasked?: boolean;
  /** What it calls the limit of an answer in OpenAI's completions; the newer name is not known everywhere. */
  outputLimitField: TranslationOptions['outputLimitField'];
  models: readonly ModelCard[];
  /** The card of a model this provider serves, in any spelling that it knows. */
  find: (model: string) => ModelCard | undefined;
  /**
   * The card of a model that is not among `models`; absent where no others are served. `bare`: the request does not
   * name the provider, so that the id itself must look like one of this vendor's.
   */
  findUnlisted?: (model: string, asked: 'bare' | 'qualified') => ModelCard | undefined;
  /** A whole answer: JSON of the protocol. */
  complete: (call: ProviderCall) => Promise<Uint8Array>;
  /** Resolves once the vendor accepted the request; the bytes are the protocol's event stream as the vendor sends it. */
  stream: (call: ProviderCall) => Promise<Readable>;
  /**
   * Resolves if the vendor can be reached and takes our key, at no cost; rejects with an AppError if not. Absent where
   * there is nobody to ask.
   */
  check?: (signal: AbortSignal) => Promise<void>;
  close: () => Promise<void>;
};
