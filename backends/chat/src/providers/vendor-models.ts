import type { PriceCatalogue } from '#shared/prices/catalogue.ts';
import type { ChatProvider } from '../completion/chat-provider.ts';
import { unknownCard, type CardSource } from '../completion/model-card.ts';
import type { VendorOptions } from './vendor-options.ts';

type Models = Pick<ChatProvider, 'models' | 'find' | 'findUnlisted'>;

/** Ids are open strings, but none needs spaces, or has a place in a path or a line of a log. */
const wellFormed = /^[A-Za-z0-9][A-Za-z0-9._:@+-]{0,199}$/;

/** The models that the configuration names, and no others. */
export function listedModels({ id, models, cardOf = nothingKnown, knownModels }: VendorOptions): Models {
  const ids = models ?? knownModels?.(id) ?? [];
  const listed = new Map(ids.map((model) => [model, cardOf(id, model)]));
  return { models: [...listed.values()], find: (model) => listed.get(model) };
}

/**
 * Where the configuration names none: those of the catalogue, other ids that look like this vendor's, and any id at
 * all that is asked for with the provider's name. New models then work on the day they come out.
 */
export function openModels(options: VendorOptions, looksLikeOurs: RegExp): Models {
  const listed = listedModels(options);
  if (options.models !== null) return listed;
  const { id, cardOf = nothingKnown } = options;
  return {
    ...listed,
    findUnlisted: (model, asked) => {
      const isOurs = wellFormed.test(model) && (asked === 'qualified' || looksLikeOurs.test(model));
      return isOurs ? cardOf(id, model) : undefined;
    },
  };
}

/** The ids of each provider's models that have not ended on `day` (YYYY-MM-DD). */
export function modelsStandingOn(day: string, { models }: PriceCatalogue): (provider: string) => string[] {
  const standing = models.filter(({ ends_on }) => ends_on === null || ends_on >= day);
  return (provider) => standing.filter((model) => model.provider === provider).map(({ id }) => id);
}

const nothingKnown: CardSource = (_provider, model) => unknownCard(model);
