import { worstTokenCost, type TokenPrice } from '#shared/prices/money.ts';
import type { ModelCard } from '../completion/model-card.ts';
import type { Worst } from './metering.ts';
import type { RequestSize } from './request-size.ts';

/** A model that may answer the call. */
export type PricedModel = { price: TokenPrice; card: Pick<ModelCard, 'maxOutputTokens' | 'contextWindow'> };

export type WorstCaseOptions = {
  /** For a caller who names no maximum, and a model whose own nobody knows. */
  defaultMaxOutput: number;
  /** What an answer must have room for to be worth beginning, for a caller who names no maximum. */
  leastOutput: number;
};

/**
 * Above what any model takes for one picture: the dearest known (gpt-4o-mini, 8 tiles of 5,667 and 2,833 at the start)
 * takes 48,169 tokens.
 */
const imageTokens = 50_000;

/** Where nothing but the model's context bounds the input and nobody knows that either. */
const unknownContext = 1_000_000;

/**
 * What a call costs and uses at most, whichever of the models answers it, and the least that it makes do with: the same,
 * unless the caller left it open how long the answer may get.
 */
export function worstCase(
  size: RequestSize,
  models: readonly PricedModel[],
  { defaultMaxOutput, leastOutput }: WorstCaseOptions,
): { worst: Worst; least: Worst } {
  const [worst, least] = [
    { micros: 0, tokens: 0 },
    { micros: 0, tokens: 0 },
  ];
  for (const model of models) {
    const output = size.maxOutput ?? model.card.maxOutputTokens ?? defaultMaxOutput;
    raise(worst, costOf(size, model, output));
    if (size.maxOutput === null) raise(least, costOf(size, model, Math.min(output, leastOutput)));
  }
  return { worst, least: size.maxOutput === null ? least : worst };
}

/** How many tokens each answer may have so that the call stays within what was granted, if this model gives it. */
export function affordableOutput(
  granted: Worst,
  size: RequestSize,
  model: PricedModel,
  { defaultMaxOutput }: Pick<WorstCaseOptions, 'defaultMaxOutput'>,
): number {
  const most = size.maxOutput ?? model.card.maxOutputTokens ?? defaultMaxOutput;
  if (fits(size, model, most, granted)) return most;
  let [enough, tooMany] = [0, most];
  while (tooMany - enough > 1) {
    const middle = Math.floor((enough + tooMany) / 2);
    if (fits(size, model, middle, granted)) enough = middle;
    else tooMany = middle;
  }
  return enough;
}

function fits(size: RequestSize, model: PricedModel, output: number, granted: Worst): boolean {
  const { micros, tokens } = costOf(size, model, output);
  return micros <= granted.micros && tokens <= granted.tokens;
}

function costOf(size: RequestSize, { price, card }: PricedModel, outputEach: number): Worst {
  const input = inputTokens(size, card.contextWindow);
  const output = Math.ceil(outputEach) * size.choices;
  return { micros: worstTokenCost(input, output, price), tokens: input + output };
}

/** A vendor refuses what does not fit into its model's context, so that is a bound as well. */
function inputTokens({ textTokens, images, isOpenEnded }: RequestSize, contextWindow: number | null): number {
  const measured = isOpenEnded ? (contextWindow ?? unknownContext) : textTokens + images * imageTokens;
  return Math.ceil(Math.min(measured, contextWindow ?? Infinity));
}

/** To the dearest of all. */
function raise(worst: Worst, { micros, tokens }: Worst): void {
  worst.micros = Math.max(worst.micros, micros);
  worst.tokens = Math.max(worst.tokens, tokens);
}
