import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { JsonObject } from '#shared/json.ts';
import type { Micros, TokenPrice, TokenUsage } from '#shared/prices/money.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';
import type { EarlierCalls } from '../money/metering.ts';
import type { ModelCard } from '../completion/model-card.ts';
import type { Stage } from '../performance/measured-call.ts';
import type { Protocol, Translation } from '../protocols/protocol.ts';

/** A caller's request, in the protocol that the caller speaks. */
export type Call = {
  /** Of this attempt to get an answer; a UUID. */
  id: string;
  /** Calls for the same wish whose processes died. */
  earlier?: EarlierCalls | null;
  principal: UserPrincipal;
  protocol: Protocol;
  /** As the caller wrote it. */
  model: string;
  /** Models to turn to when that one fails, in order; the configured ones where absent. */
  fallbacks?: readonly string[];
  body: JsonObject;
  /** The same as it came. */
  rawBody: Uint8Array;
  /** Where the request is ours: how each model wants to be asked. What `body` says then only bounds what that may cost. */
  bodyFor?: (target: Target) => JsonObject;
  /** The caller's headers that the protocol knows. */
  headers: Readonly<Record<string, string>>;
  requestId: string;
  /** How long its preparation took, where that is known. */
  stages?: Partial<Record<Stage, number>>;
  clientLeft: AbortSignal;
};

/** A model that may answer a call, and how. */
export type Target = {
  provider: ChatProvider;
  /** The provider's own name of the model. */
  model: string;
  card: ModelCard;
  price: TokenPrice;
  priceVersion: number;
  /** Null where caller and vendor speak the same protocol. */
  translation: Translation | null;
  isFallback: boolean;
};

/** What an answer took. */
export type Spent = { usage: TokenUsage; isEstimated: boolean; costMicros: Micros };
