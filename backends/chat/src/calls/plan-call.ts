import { AppError } from '#shared/http/error.ts';
import type { TokenPrice } from '#shared/prices/money.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import { unknownModel, type Catalogue, type Selection } from '../completion/catalogue.ts';
import type { Protocol, Translation } from '../protocols/protocol.ts';
import type { Call, Target } from './call.ts';

export type PlanOptions = {
  catalogue: Catalogue;
  /** By the name of a model as callers write it: what to turn to when it fails. */
  fallbacks: ReadonlyMap<string, readonly string[]>;
  isAllowed: (principal: UserPrincipal, selection: Selection) => boolean;
  /** What is charged for a model. Throws where nobody knows: nothing is ever free by accident. */
  priceOf: (selection: Selection) => { price: TokenPrice; version: number };
  /** Null where the vendor speaks the caller's protocol. Throws where nothing can translate. */
  translationFor: (caller: Protocol, vendor: readonly Protocol[]) => Translation | null;
};

/**
 * Who may answer a call, the first choice first. That one must exist, be allowed and be able to; a fallback that
 * cannot be used is passed over.
 */
export function planCall(
  options: PlanOptions,
  call: Pick<Call, 'principal' | 'protocol' | 'model' | 'fallbacks'>,
): [Target, ...Target[]] {
  const first = targetOf(options, call, call.model, false);
  const others = (call.fallbacks ?? options.fallbacks.get(call.model) ?? []).flatMap((name) => {
    const target = usableTarget(options, call, name);
    return target ? [target] : [];
  });
  return [first, ...others];
}

type Wanted = Pick<Call, 'principal' | 'protocol'>;

function targetOf(options: PlanOptions, { principal, protocol }: Wanted, name: string, isFallback: boolean): Target {
  const selection = options.catalogue.select(name);
  if (!options.isAllowed(principal, selection)) throw unknownModel(name);
  const { provider, model, card } = selection;
  const translation = options.translationFor(protocol, provider.speaks);
  const { price, version: priceVersion } = options.priceOf(selection);
  return { provider, model, card, price, priceVersion, translation, isFallback };
}

function usableTarget(options: PlanOptions, wanted: Wanted, name: string): Target | undefined {
  try {
    return targetOf(options, wanted, name, true);
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}
