import { describe, expect, it } from 'vitest';
import { tokenCost, worstTokenCost, type TokenPrice } from './money.ts';

const plain: TokenPrice = { input: 3_000_000, cachedInput: 300_000, output: 15_000_000 };
const cached: TokenPrice = { ...plain, cacheWrite: 3_750_000, cacheWriteLong: 6_000_000 };
const full: TokenPrice = {
  ...cached,
  long: {
    aboveInputTokens: 200_000,
    input: 6_000_000,
    cachedInput: 600_000,
    output: 22_500_000,
    cacheWrite: 7_500_000,
  },
};

describe('what tokens cost', () => {
  it('is exact to the micro-dollar, and rounded up once', () => {
    expect(tokenCost({ input: 1_000, cachedInput: 0, output: 100 }, plain)).toBe(4_500);
    expect(tokenCost({ input: 1_000, cachedInput: 400, output: 100 }, plain)).toBe(3_420);
    expect(tokenCost({ input: 1, cachedInput: 1, output: 0 }, plain)).toBe(1);
    expect(tokenCost({ input: 0, cachedInput: 0, output: 0 }, plain)).toBe(0);
  });

  it('counts what a vendor put into its cache at its own price, not twice', () => {
    const usage = { input: 1_000_000, cachedInput: 0, output: 0 };
    expect(tokenCost({ ...usage, cacheWrite: 400_000, cacheWriteLong: 100_000 }, cached)).toBe(3_600_000);
    expect(tokenCost({ ...usage, cacheWrite: 400_000 }, plain)).toBe(3_000_000);
  });

  it('charges the whole call more once its input is long, and not one token before', () => {
    expect(tokenCost({ input: 200_000, cachedInput: 0, output: 1_000 }, full)).toBe(615_000);
    expect(tokenCost({ input: 200_001, cachedInput: 0, output: 1_000 }, full)).toBe(1_222_506);
    expect(tokenCost({ input: 200_001, cachedInput: 200_001, output: 0 }, full)).toBe(120_001);
  });

  it('is never negative, whatever a vendor reports', () => {
    expect(tokenCost({ input: 10, cachedInput: 8, output: 0, cacheWrite: 8 }, full)).toBeGreaterThan(0);
  });

  it('stays exact where floating point would not', () => {
    expect(tokenCost({ input: 999_999_999, cachedInput: 0, output: 0 }, { ...plain, input: 1 })).toBe(1_000);
    expect(tokenCost({ input: 1_000_000_000, cachedInput: 0, output: 0 }, { ...plain, input: 999_999_999 })).toBe(
      999_999_999_000,
    );
  });

  it('is what large integers say, on both sides of what a number holds', () => {
    for (const output of [
      1, 999, 123_457, 60_000_001, 600_479_950, 600_479_951, 700_000_001, 800_000_001, 999_999_999,
    ]) {
      for (const rate of [1, 7, 999_999, 15_000_000, 15_000_001]) {
        const millionths = BigInt(output) * BigInt(rate);
        const price = { ...plain, output: rate };
        expect(tokenCost({ input: 0, cachedInput: 0, output }, price)).toBe(
          Number((millionths + 999_999n) / 1_000_000n),
        );
      }
    }
  });
});

describe('what a call costs at most', () => {
  it('assumes that all of its input is written to the dearest cache', () => {
    expect(worstTokenCost(1_000, 100, plain)).toBe(4_500);
    expect(worstTokenCost(1_000, 100, full)).toBe(7_500);
  });

  it('is never less than any way the call can go', () => {
    for (const input of [0, 1, 199_999, 200_000, 200_001, 500_000]) {
      const worst = worstTokenCost(input, 1_000, full);
      for (const usage of [
        { input, cachedInput: 0, output: 1_000 },
        { input, cachedInput: input, output: 1_000 },
        { input, cachedInput: 0, output: 1_000, cacheWrite: input },
        { input, cachedInput: 0, output: 1_000, cacheWriteLong: input },
        { input: Math.min(input, 200_000), cachedInput: 0, output: 1_000, cacheWriteLong: Math.min(input, 200_000) },
      ]) {
        expect(tokenCost(usage, full)).toBeLessThanOrEqual(worst);
      }
    }
  });
});
