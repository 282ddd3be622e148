import { AppError } from '#shared/http/error.ts';
import type { TokenPrice } from '#shared/prices/money.ts';
import type { ModelCard } from '../completion/model-card.ts';

export type ChargedPrice = { price: TokenPrice; version: number };

export type PricingOptions = {
  /** Of the catalogue that cards come from. */
  priceVersion: number;
  /** What a model costs of which the catalogue does not say it; null: such a model is refused. */
  unknownModelPrice: TokenPrice | null;
};

/** Charges that no version of the catalogue explains, but this service's configuration. */
const configuredVersion = 0;

/** What is charged for a model. Nothing is free because nobody knows its price. */
export function createPricing({ priceVersion, unknownModelPrice }: PricingOptions) {
  return ({ model, card }: { model: string; card: Pick<ModelCard, 'price'> }): ChargedPrice => {
    if (card.price) return { price: card.price, version: priceVersion };
    if (unknownModelPrice) return { price: unknownModelPrice, version: configuredVersion };
    const message = `The price of the model ${model} is not known here, so it cannot be used`;
    throw new AppError('validation_failed', message, { errors: [{ path: 'model', message }] });
  };
}
