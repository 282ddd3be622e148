import type { Principal } from '#shared/identity/principal.ts';
import type { Catalogue, ListedModel } from '../completion/catalogue.ts';
import type { ModelCard } from '../completion/model-card.ts';
import type { Latency, PerformanceBook } from '../performance/performance-book.ts';
import { isModelAllowed } from './allowed-models.ts';
import { hasEnded } from './lifetime.ts';

/** A model that a caller could use now, and what is known of it. */
export type Candidate = {
  /** The name that requests take. */
  name: string;
  provider: string;
  card: ModelCard;
  /** Null where nothing was measured. */
  latency: Latency | null;
};

/** The models that a caller may use and that their vendors still serve on this day. */
export function usableModels(catalogue: Catalogue, principal: Principal, today: string): ListedModel[] {
  return catalogue.models.filter(
    ({ name, provider, card }) =>
      !hasEnded(card, today) && isModelAllowed(principal, { name, provider: provider.id, id: card.id }),
  );
}

/** What to choose from where nobody names a provider: stand-ins are quick, free, and no models. */
export function realModels(models: readonly ListedModel[]): readonly ListedModel[] {
  const real = models.filter(({ provider }) => !provider.isStandIn);
  return real.length > 0 ? real : models;
}

export function candidatesOf(models: readonly ListedModel[], book: Pick<PerformanceBook, 'latencyOf'>): Candidate[] {
  return models.map(({ name, provider, card }) => ({
    name,
    provider: provider.id,
    card,
    latency: book.latencyOf(provider.id, card.id),
  }));
}
