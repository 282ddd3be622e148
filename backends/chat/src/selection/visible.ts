import { AppError } from '#shared/http/error.ts';
import type { Principal } from '#shared/identity/principal.ts';
import { providerNamed, unknownModel, type Catalogue, type ListedModel } from '../completion/catalogue.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';
import { isModelAllowed } from './allowed-models.ts';
import { usableModels } from './candidates.ts';

/** A provider, and those of its models that the caller may use. */
export type VisibleProvider = { provider: ChatProvider; models: readonly ListedModel[] };

/** A caller who is restricted to some models sees no provider that has none of them. */
export function visibleProviders(catalogue: Catalogue, principal: Principal, today: string): VisibleProvider[] {
  const usable = usableModels(catalogue, principal, today);
  const isRestricted = principal.kind !== 'user' || (principal.allowedModels ?? null) !== null;
  return catalogue.providers
    .map((provider) => ({ provider, models: usable.filter((model) => model.provider === provider) }))
    .filter(({ models }) => !isRestricted || models.length > 0);
}

/** By its id or an older name. The same 404 for a provider that is not there and one that the caller may not use. */
export function visibleProvider(visible: readonly VisibleProvider[], name: string): VisibleProvider {
  const named = providerNamed(
    visible.map(({ provider }) => provider),
    name,
  );
  const found = visible.find(({ provider }) => provider === named);
  if (!found) throw new AppError('not_found', 'There is no such provider, or this key may use none of its models');
  return found;
}

/** A model by any name that requests take, listed or not. The same 404 where it is not there and not allowed. */
export function allowedModel(catalogue: Catalogue, principal: Principal, name: string): ListedModel {
  const { provider, model, card } = catalogue.select(name);
  if (!isModelAllowed(principal, { name: model, provider: provider.id, id: model })) throw unknownModel(name);
  return { name, provider, card };
}
