/** Whole micro-dollars. A safe integer holds nine billion dollars. */
export type Micros = number;

/** Micro-dollars for a million units, so that a dollar price for a million tokens has six exact decimals. */
export type MicrosPerMillion = number;

type TokenRates = {
  input: MicrosPerMillion;
  /** For input that the vendor had in its cache; the price of input where a vendor gives no discount. */
  cachedInput: MicrosPerMillion;
  output: MicrosPerMillion;
  /** For input that the vendor put into its cache for some minutes; the price of input where absent. */
  cacheWrite?: MicrosPerMillion;
  /** The same for an hour or longer; as for minutes where absent. */
  cacheWriteLong?: MicrosPerMillion;
};

export type TokenPrice = TokenRates & {
  /** What every token of a call costs instead once its input is longer than this. */
  long?: TokenRates & { aboveInputTokens: number };
};

/**
 * `input` includes `cachedInput` and what was written to a cache, and `output` includes what a model thought without
 * showing it.
 */
export type TokenUsage = {
  input: number;
  cachedInput: number;
  output: number;
  cacheWrite?: number;
  cacheWriteLong?: number;
};

/** What tokens cost, rounded up once at the end: never free, and never more than a micro-dollar too much. */
export function tokenCost(usage: TokenUsage, price: TokenPrice): Micros {
  const { input, cachedInput, output, cacheWrite = 0, cacheWriteLong = 0 } = usage;
  const rates = ratesFor(price, input);
  const written = rates.cacheWrite ?? rates.input;
  return rounded([
    [Math.max(input - cachedInput - cacheWrite - cacheWriteLong, 0), rates.input],
    [cachedInput, rates.cachedInput],
    [cacheWrite, written],
    [cacheWriteLong, rates.cacheWriteLong ?? written],
    [output, rates.output],
  ]);
}

/** What a call with that much input and output costs at most, whatever its vendor does with caches. */
export function worstTokenCost(input: number, output: number, price: TokenPrice): Micros {
  const short = worstAt(price, input, output);
  const rates = ratesFor(price, input);
  // Input may turn out shorter than it was thought to be, and a shorter call need not be the cheaper one.
  return rates === price ? short : Math.max(short, worstAt(rates, input, output));
}

function worstAt(rates: TokenRates, input: number, output: number): Micros {
  return rounded([
    [input, dearest(rates)],
    [output, rates.output],
  ]);
}

function ratesFor(price: TokenPrice, input: number): TokenRates {
  return price.long && input > price.long.aboveInputTokens ? price.long : price;
}

function dearest({ input, cachedInput, cacheWrite = 0, cacheWriteLong = 0 }: TokenRates): MicrosPerMillion {
  return Math.max(input, cachedInput, cacheWrite, cacheWriteLong);
}

type Part = readonly [tokens: number, rate: MicrosPerMillion];

/** Exact: numbers hold what nearly every call costs, and the few beyond are added up in large integers. */
function rounded(parts: readonly Part[]): Micros {
  let millionths = 0;
  for (const [tokens, rate] of parts) millionths += tokens * rate;
  if (!Number.isSafeInteger(millionths)) return roundedLarge(parts);
  const rest = millionths % million;
  return (millionths - rest) / million + (rest > 0 ? 1 : 0);
}

const million = 1_000_000;

function roundedLarge(parts: readonly Part[]): Micros {
  const millionths = parts.reduce((sum, [tokens, rate]) => sum + BigInt(tokens) * BigInt(rate), 0n);
  return Number((millionths + 999_999n) / 1_000_000n);
}
