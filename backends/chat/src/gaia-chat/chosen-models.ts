import type { ChatRequestBody } from '#shared/contracts/chat.ts';
import { AppError } from '#shared/http/error.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import { providerNamed, unknownModel, type Catalogue } from '../completion/catalogue.ts';
import type { ModelCard } from '../completion/model-card.ts';
import type { PerformanceBook } from '../performance/performance-book.ts';
import { candidatesOf, usableModels, type Candidate } from '../selection/candidates.ts';
import { chooseModel } from '../selection/choose.ts';
import { usualWishes, type Wishes } from '../selection/wishes.ts';

export type ChosenModels = {
  /** The name that calls take. */
  model: string;
  card: ModelCard;
  /** Where to turn when it fails; undefined: to what is configured for it. */
  fallbacks: readonly string[] | undefined;
  /** Why this one; undefined where the caller named it. */
  reasoning: string | undefined;
};

export type ModelChoosing = {
  catalogue: Catalogue;
  performance: Pick<PerformanceBook, 'latencyOf'>;
  /** YYYY-MM-DD. */
  today: () => string;
};

const maxFallbacks = 2;

/** The model that a request names, or else the best one for what it wants. */
export function chosenModels(options: ModelChoosing, principal: UserPrincipal, request: ChatRequestBody): ChosenModels {
  const { model, provider } = request;
  if (model && !request.auto_select_model) return namedModel(options.catalogue, request, nameOf(provider, model));
  const candidates = candidatesOf(usableModels(options.catalogue, principal, options.today()), options.performance);
  const wanted = provider ? ofProvider(options.catalogue, candidates, provider) : candidates;
  const choice = chooseModel(wanted, wishesOf(request), options.today());
  if (!choice) throw new AppError('not_found', 'No model that you may use can do what is asked for');
  const { chosen, others, reasoning } = choice;
  const fallbacks = mayFallBack(request) ? others.slice(0, maxFallbacks).map(({ name }) => name) : [];
  return { model: chosen.name, card: chosen.card, fallbacks, reasoning };
}

function namedModel(catalogue: Catalogue, request: ChatRequestBody, name: string): ChosenModels {
  const { card } = catalogue.select(name);
  return { model: name, card, fallbacks: mayFallBack(request) ? undefined : [], reasoning: undefined };
}

function nameOf(provider: string | null | undefined, model: string): string {
  return provider && !model.startsWith(`${provider}/`) ? `${provider}/${model}` : model;
}

function ofProvider(catalogue: Catalogue, candidates: readonly Candidate[], name: string): Candidate[] {
  const provider = providerNamed(catalogue.providers, name);
  if (!provider) throw unknownModel(`${name}/…`);
  return candidates.filter((candidate) => candidate.provider === provider.id);
}

function mayFallBack(request: ChatRequestBody): boolean {
  return request.enable_fallback && !request.force_provider;
}

function wishesOf(request: ChatRequestBody): Wishes {
  return {
    ...usualWishes,
    ...(request.context_type && { context: request.context_type }),
    ...(request.priority && { priority: request.priority }),
    maxResponseTimeMs: request.max_response_time_ms ?? null,
    requiredCapabilities: [...(request.required_capabilities ?? []), ...(request.tools ? ['tools'] : [])],
  };
}
