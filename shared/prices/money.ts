/** Whole micro-dollars. A safe integer holds nine billion dollars. */
export type Micros = number;

/** Micro-dollars for a million units, so that a dollar price for a million tokens has six exact decimals. */
export type MicrosPerMillion = number;

export type TokenPrice = {
  input: MicrosPerMillion;
  /** For input that the vendor had in its cache; the price of input where a vendor gives no discount. */
  cachedInput: MicrosPerMillion;
  output: MicrosPerMillion;
};

/** `input` includes `cachedInput`, and `output` includes what a model thought without showing it. */
export type TokenUsage = { input: number; cachedInput: number; output: number };

/** What tokens cost, rounded up once at the end: never free, and never more than a micro-dollar too much. */
export function tokenCost(usage: TokenUsage, price: TokenPrice): Micros {
  const millionths =
    BigInt(usage.input - usage.cachedInput) * BigInt(price.input) +
    BigInt(usage.cachedInput) * BigInt(price.cachedInput) +
    BigInt(usage.output) * BigInt(price.output);
  return Number((millionths + 999_999n) / 1_000_000n);
}
