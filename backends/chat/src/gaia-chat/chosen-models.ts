import type { ChatRequestBody } from '#shared/contracts/chat.ts';
import { AppError } from '#shared/http/error.ts';
import type { UserPrincipal } from '#shared/identity/principal.ts';
import type { Target } from '../calls/call.ts';
import type { Calls, Wanted } from '../calls/calls.ts';
import { providerNamed, type Catalogue, type ListedModel } from '../completion/catalogue.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';
import type { PerformanceBook } from '../performance/performance-book.ts';
import { candidatesOf, realModels, usableModels, type Candidate } from '../selection/candidates.ts';
import { chooseModel, type Choice } from '../selection/choose.ts';
import { usualWishes, type Wishes } from '../selection/wishes.ts';

export type ChosenModels = {
  /** The name that calls take. */
  model: string;
  /** Who is asked first. */
  target: Target;
  /** Where to turn when it fails; undefined: to what is configured for it. */
  fallbacks: readonly string[] | undefined;
  /** Why this one; undefined where the caller named it. */
  reasoning: string | undefined;
};

export type ModelChoosing = {
  catalogue: Catalogue;
  plan: Calls['plan'];
  performance: Pick<PerformanceBook, 'latencyOf'>;
  /** YYYY-MM-DD. */
  today: () => string;
};

type Asked = { principal: UserPrincipal; request: ChatRequestBody };

const maxFallbacks = 2;

/**
 * The model that a request names, or else the best one for what it wants. Throws where nobody could answer, so that
 * nothing is stored for such a request.
 */
export function chosenModels(options: ModelChoosing, principal: UserPrincipal, request: ChatRequestBody): ChosenModels {
  const asked = { principal, request };
  if (request.model && !request.auto_select_model) return namedModel(options, asked, request.model);
  return bestModel(options, asked);
}

function namedModel({ catalogue, plan }: ModelChoosing, { principal, request }: Asked, name: string): ChosenModels {
  const { provider } = request;
  const model = provider ? nameAt(catalogue, requiredProvider(catalogue, provider), name) : name;
  const fallbacks = mayFallBack(request) ? undefined : [];
  const [target] = plan(wantedOf(principal, model));
  return { model, target, fallbacks, reasoning: undefined };
}

/** Without the provider where that means the same: this is the name under which fallbacks are configured. */
function nameAt(catalogue: Catalogue, provider: ChatProvider, name: string): string {
  const prefix = [provider.id, ...provider.aliases].find((known) => name.startsWith(`${known}/`));
  const bare = prefix === undefined ? name : name.slice(prefix.length + 1);
  const listed = catalogue.models.find((model) => model.provider === provider && model.card.id === bare);
  return listed?.name ?? `${provider.id}/${bare}`;
}

function bestModel(options: ModelChoosing, { principal, request }: Asked): ChosenModels {
  const usable = usableModels(options.catalogue, principal, options.today());
  const [wanted, others] = request.provider ? split(options.catalogue, usable, request.provider) : [usable, []];
  const choice = firstPlanned(options, principal, {
    candidates: candidatesOf(request.provider ? wanted : realModels(usable), options.performance),
    wishes: wishesOf(request),
  });
  const elsewhere = candidatesOf(realModels(others), options.performance);
  const fallbacks = fallbacksOf(options, { principal, request }, { choice, elsewhere });
  return { model: choice.chosen.name, target: choice.target, fallbacks, reasoning: choice.reasoning };
}

/** The models of one provider, and all the others. The same words for a provider that is not there and not allowed. */
function split(catalogue: Catalogue, usable: readonly ListedModel[], name: string): [ListedModel[], ListedModel[]] {
  const provider = requiredProvider(catalogue, name);
  const wanted = usable.filter((model) => model.provider === provider);
  if (wanted.length === 0) throw unknownProvider(name);
  return [wanted, usable.filter((model) => model.provider !== provider)];
}

function requiredProvider(catalogue: Catalogue, name: string): ChatProvider {
  const provider = providerNamed(catalogue.providers, name);
  if (!provider) throw unknownProvider(name);
  return provider;
}

type PlannedChoice = Choice & { target: Target };

/** A model may be listed and still not be had, because nobody knows its price. */
function firstPlanned(
  { plan, today }: ModelChoosing,
  principal: UserPrincipal,
  { candidates, wishes }: { candidates: readonly Candidate[]; wishes: Wishes },
): PlannedChoice {
  const left = [...candidates];
  for (;;) {
    const choice = chooseModel(left, wishes, today());
    if (!choice) throw new AppError('not_found', 'No model that you may use can do what is asked for');
    const target = targetOf(plan, wantedOf(principal, choice.chosen.name));
    if (target) return { ...choice, target };
    left.splice(
      left.findIndex(({ name }) => name === choice.chosen.name),
      1,
    );
  }
}

type Rest = { choice: Choice; elsewhere: readonly Candidate[] };

/** Another provider's best model first, because a provider that fails mostly fails with all of its models. */
function fallbacksOf({ plan, today }: ModelChoosing, asked: Asked, { choice, elsewhere }: Rest): string[] {
  const { principal, request } = asked;
  if (!(request.enable_fallback ?? true)) return [];
  const { chosen, others } = choice;
  const strangers = request.force_provider ? undefined : chooseModel(elsewhere, wishesOf(request), today());
  const all = [...others, ...(strangers ? [strangers.chosen, ...strangers.others] : [])];
  const ranked = all.filter(({ name }) => targetOf(plan, wantedOf(principal, name)));
  const away = request.force_provider ? undefined : ranked.find(({ provider }) => provider !== chosen.provider);
  return [...(away ? [away] : []), ...ranked.filter((model) => model !== away)]
    .filter(({ provider }) => !request.force_provider || provider === chosen.provider)
    .slice(0, maxFallbacks)
    .map(({ name }) => name);
}

function mayFallBack(request: ChatRequestBody): boolean {
  return (request.enable_fallback ?? true) && !request.force_provider;
}

function wantedOf(principal: UserPrincipal, model: string): Wanted {
  return { principal, protocol: 'chat-completions', model };
}

function targetOf(plan: Calls['plan'], wanted: Wanted): Target | undefined {
  try {
    return plan(wanted)[0];
  } catch (error) {
    if (error instanceof AppError) return undefined;
    throw error;
  }
}

function wishesOf(request: ChatRequestBody): Wishes {
  return {
    ...usualWishes,
    ...(request.context_type && { context: request.context_type }),
    ...(request.priority && { priority: request.priority }),
    maxResponseTimeMs: request.max_response_time_ms || null,
    requiredCapabilities: [...(request.required_capabilities ?? []), ...(request.tools?.length ? ['tools'] : [])],
  };
}

function unknownProvider(name: string): AppError {
  const message = `The provider ${name} does not exist, or this key may use none of its models`;
  return new AppError('not_found', message, { errors: [{ path: 'provider', message }] });
}
