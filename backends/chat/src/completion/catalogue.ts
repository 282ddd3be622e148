import { AppError } from '#shared/http/error.ts';
import type { ChatProvider } from './chat-provider.ts';
import type { ModelCard } from './model-card.ts';

export type Selection = { provider: ChatProvider; model: string; card: ModelCard };

/** A model under the name that requests take. */
export type ListedModel = { name: string; provider: ChatProvider; card: ModelCard };

export type Catalogue = {
  providers: readonly ChatProvider[];
  models: readonly ListedModel[];
  /** `provider/model` selects that provider and no other; a bare id the first one that serves it. */
  select: (name: string) => Selection;
};

/** The order of the providers is their precedence. */
export function createCatalogue(providers: readonly ChatProvider[]): Catalogue {
  const find = (name: string): Selection | undefined => qualified(providers, name) ?? bare(providers, name);
  const models = providers.flatMap((provider) =>
    provider.models.map((card) => ({ name: shortestName(find, provider, card), provider, card })),
  );
  const select = (name: string): Selection => {
    const selection = find(name);
    if (!selection) throw unknownModel(name);
    return selection;
  };
  // Nearly every call names one of these.
  const listed = new Map(
    models
      .flatMap(({ name, provider, card }) => [name, `${provider.id}/${card.id}`])
      .map((name) => [name, select(name)]),
  );
  return { providers, models, select: (name) => listed.get(name) ?? select(name) };
}

/** By its id, or by an older name of it where no provider has that for an id. */
export function providerNamed(providers: readonly ChatProvider[], name: string): ChatProvider | undefined {
  return providers.find(({ id }) => id === name) ?? providers.find(({ aliases }) => aliases.includes(name));
}

function qualified(providers: readonly ChatProvider[], name: string): Selection | undefined {
  const slash = name.indexOf('/');
  const provider = providerNamed(providers, name.slice(0, slash));
  if (slash === -1 || !provider) return undefined;
  const model = name.slice(slash + 1);
  const card = provider.find(model) ?? provider.findUnlisted?.(model, 'qualified');
  if (!card) throw unknownModel(name);
  return { provider, model, card };
}

/** Who lists the model goes before who would only try it. */
function bare(providers: readonly ChatProvider[], model: string): Selection | undefined {
  const answering = providers.filter(({ answersBareIds }) => answersBareIds);
  return (
    firstOf(answering, model, (provider) => provider.find(model)) ??
    firstOf(answering, model, (provider) => provider.findUnlisted?.(model, 'bare'))
  );
}

function firstOf(
  providers: readonly ChatProvider[],
  model: string,
  cardOf: (provider: ChatProvider) => ModelCard | undefined,
): Selection | undefined {
  for (const provider of providers) {
    const card = cardOf(provider);
    if (card) return { provider, model, card };
  }
  return undefined;
}

/** The bare id, except where it would mean another provider. */
function shortestName(find: (name: string) => Selection | undefined, provider: ChatProvider, card: ModelCard): string {
  const isFirst = !isQualifiedElsewhere(card.id) && find(card.id)?.provider === provider;
  return isFirst ? card.id : `${provider.id}/${card.id}`;

  function isQualifiedElsewhere(id: string): boolean {
    try {
      return find(id) === undefined;
    } catch {
      return true; // Its prefix is the name of a provider that does not serve it.
    }
  }
}

/** The same for a model that is not there and for one that the caller may not use. */
export function unknownModel(name: string): AppError {
  const message = `The model ${name} does not exist, or this key may not use it`;
  return new AppError('not_found', message, { errors: [{ path: 'model', message }] });
}
